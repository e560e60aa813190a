//! Linux error numbers that replies carry, negative as on the wire.

pub const EPERM: i32 = -1;
pub const ENOENT: i32 = -2;
pub const EIO: i32 = -5;
pub const E2BIG: i32 = -7;
pub const EEXIST: i32 = -17;
pub const EINVAL: i32 = -22;
pub const EFBIG: i32 = -27;
pub const ERANGE: i32 = -34;
pub const ENAMETOOLONG: i32 = -36;
pub const ENODATA: i32 = -61;
pub const EOVERFLOW: i32 = -75;
pub const EMSGSIZE: i32 = -90;
pub const EOPNOTSUPP: i32 = -95;
pub const ECANCELED: i32 = -125;
/// A compare that failed at offset `n` answers `MAX_ERRNO - n` (cmpext).
pub const MAX_ERRNO: i32 = -4095;
