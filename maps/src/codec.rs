//! Reading helpers shared by the maps.

use types::enc::{DecodeError, Reader, Result};

/// Opens a versioned struct of at least version `oldest`; older layouts are refused.
pub(crate) fn versioned_since<'a>(
    r: &mut Reader<'a>,
    what: &'static str,
    known: u8,
    oldest: u8,
) -> Result<(u8, Reader<'a>)> {
    let (version, body) = r.versioned(what, known)?;
    if version < oldest {
        return Err(DecodeError::Invalid { what, value: version as u64 });
    }
    Ok((version, body))
}
