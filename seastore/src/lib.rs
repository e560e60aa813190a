//! Object store of one shard: transactions on a raw device.
