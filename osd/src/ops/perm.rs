//! Which permissions a request needs, by its ops (Ceph src/osd/osd_op_util.cc).

use super::op::{Op, OpCode};

/// Needed on the pool and namespace, or by capabilities on the class.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Permissions {
    pub read: bool,
    pub write: bool,
    /// A class call; whether it reads or writes is in its method's flags, which the caller adds.
    pub class: bool,
}

/// Each op asks for what its mode says. A watch also reads, because it answers by what is there.
/// A PG op (listing) reads.
pub fn needed(ops: &[Op]) -> Permissions {
    let mut needed = Permissions::default();
    for op in ops {
        needed.class |= op.code == OpCode::CALL;
        needed.read |= op.code.is_read() || op.code == OpCode::WATCH;
        needed.write |= op.code.is_write();
    }
    needed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn permissions_follow_the_modes() {
        let of = |codes: &[OpCode]| needed(&codes.iter().map(|c| Op::new(*c)).collect::<Vec<_>>());
        let read = Permissions { read: true, ..Permissions::default() };
        let write = Permissions { write: true, ..Permissions::default() };
        let both = Permissions { read: true, write: true, class: false };
        assert_eq!(of(&[OpCode::READ, OpCode::STAT]), read);
        assert_eq!(of(&[OpCode::PGNLS]), read);
        assert_eq!(of(&[OpCode::WRITE]), write);
        assert_eq!(of(&[OpCode::CMPXATTR, OpCode::DELETE]), both);
        assert_eq!(of(&[OpCode::WATCH]), both);
        assert_eq!(of(&[OpCode::TMAPUP]), both);
        assert_eq!(of(&[OpCode::CALL]), Permissions { class: true, ..Permissions::default() });
    }
}
