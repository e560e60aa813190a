//! A store's requests as effects of a node that has several stores, and a driver's answers to them.

use crate::event::{IoCompletion, StoreEffect};
use types::node::{Effect, Input, IoId};

/// Requests of a store are below this; its number among the node's stores stands above.
const IO_BITS: u32 = 48;

impl StoreEffect {
    /// The request of the node's store number `store`, below 2^16.
    pub fn into_effect<H>(self, store: usize) -> Effect<H> {
        let id = |io: u64| IoId(io | (store as u64) << IO_BITS);
        match self {
            Self::Read { io, offset, len } => Effect::Read { io: id(io), offset, len },
            Self::Write { io, offset, buf, durable } => {
                Effect::Write { io: id(io), offset, buf, durable }
            }
            Self::Flush { io } => Effect::Flush { io: id(io) },
            Self::Discard { io, offset, len } => Effect::Discard { io: id(io), offset, len },
            Self::Zone { io, offset, len, op } => Effect::Zone { io: id(io), offset, len, op },
            Self::ReportZones { io, offset, len } => {
                Effect::ReportZones { io: id(io), offset, len }
            }
        }
    }
}

impl IoCompletion {
    /// The number of the store that asked, and the answer; whatever else a driver says comes back.
    pub fn from_input<H>(input: Input<H>) -> Result<(usize, Self), Input<H>> {
        let (id, answer) = match input {
            Input::ReadDone { io, result } => (io, Self::Read { io: below(io), result }),
            Input::WriteDone { io, result } => (io, Self::Write { io: below(io), result }),
            Input::FlushDone { io, result } => (io, Self::Flush { io: below(io), result }),
            Input::DiscardDone { io, result } => (io, Self::Discard { io: below(io), result }),
            Input::ZoneDone { io, result } => (io, Self::Zone { io: below(io), result }),
            Input::Zones { io, result } => (io, Self::Zones { io: below(io), result }),
            other => return Err(other),
        };
        Ok(((id.0 >> IO_BITS) as usize, answer))
    }
}

fn below(io: IoId) -> u64 {
    io.0 & ((1 << IO_BITS) - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_finds_the_store_that_asked() {
        let io = (1 << IO_BITS) - 1;
        let Effect::<()>::Flush { io: id } = StoreEffect::Flush { io }.into_effect(300) else {
            panic!("a flush stays one")
        };
        let answer = IoCompletion::from_input(Input::<()>::FlushDone { io: id, result: Ok(()) });
        assert_eq!(answer.unwrap(), (300, IoCompletion::Flush { io, result: Ok(()) }));
        assert!(matches!(IoCompletion::from_input(Input::<()>::Tick), Err(Input::Tick)));
    }
}
