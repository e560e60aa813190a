//! Monitor: maps, authentication, configuration and commands over a replicated log.
