//! cephx: tickets, authorizers and the exchanges of both ends (ceph-wire.md section 3).

use bytes::Bytes;
use types::enc::{Decode, Encode, Reader, Result};

/// First byte of AUTH_REQUEST's payload when a monitor is asked for tickets.
pub const AUTH_MODE_MON: u8 = 10;

/// A sealed ticket and the number of the service's secret that opens it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TicketBlob {
    pub secret_id: u64,
    pub blob: Bytes,
}
impl Encode for TicketBlob {
    fn encode(&self, out: &mut Vec<u8>) {
        1u8.encode(out);
        self.secret_id.encode(out);
        self.blob.encode(out);
    }
}
impl Decode for TicketBlob {
    fn decode(r: &mut Reader<'_>) -> Result<Self> {
        r.skip("ticket version", 1)?;
        Ok(Self { secret_id: r.u64()?, blob: r.get()? })
    }
}
