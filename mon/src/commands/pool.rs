pub const COMMANDS: &[super::table::Spec] = &[];
pub fn pool_op(_: &mut crate::services::Services, _: types::time::Now, _: &messenger::messages::PoolOp) -> i32 { 0 }
