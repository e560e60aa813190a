//! Runs the ops of one message in order and decides what becomes of the message.

use super::*;

pub(super) fn run(
    request: &OpRequest,
    object: &dyn ObjectReader,
    _limits: &Limits,
) -> Result<Execution, Need> {
    let user_version = object.state().map_or(0, |state| state.info.user_version);
    Ok(Execution {
        result: errno::EOPNOTSUPP,
        ops: vec![OpOutcome::default(); request.ops.len()],
        disposition: Disposition::Refused,
        user_version,
    })
}
