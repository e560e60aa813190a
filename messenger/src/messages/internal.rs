//! Messages that only our own daemons exchange.
