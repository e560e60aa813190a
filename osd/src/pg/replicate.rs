//! One write: logged and sent to every member at once, acknowledged when all have it durably.

use super::log::{Entry, EntryFields, EntryKind, StoredOutcome};
use super::{Effect, MetaChange, Pg, PgTxn, Primary, Role, Token, log_key};
use crate::ops::Change;
use messenger::message::Message;
use messenger::messages::peer::{PgHead, RepOp, rep_op_message};
use types::{EVersion, HObject, OsdId, ReqId};

/// Changes from the primary that cannot be applied yet.
pub const PARKED_MAX: usize = 4096;

/// A write on its way.
#[derive(Debug)]
pub(super) struct InFlight {
    version: u64,
    /// Members that have not acknowledged: one bit per place in the acting set.
    waiting: u32,
    ticket: u64,
    /// Of the same request, sent again.
    joined: Vec<u64>,
    message: Option<Message>,
}

/// A change that came before what it builds on: its session was opened after one that was lost.
#[derive(Debug)]
pub(super) struct Parked {
    entry: Entry,
    object: HObject,
    changes: Vec<Change>,
    complete: u64,
}

/// What the op engine made of a client's message.
#[derive(Debug)]
pub struct NewWrite {
    pub kind: EntryKind,
    /// From [`Pg::next_version`].
    pub version: EVersion,
    pub prior: EVersion,
    pub user_version: u64,
    pub result: i32,
    pub reqid: ReqId,
    pub object: HObject,
    pub changes: Vec<Change>,
    /// Checksum of the data in `changes`, if it is known ([`messenger::message::Data::crc`]).
    pub data_crc: Option<u32>,
    pub outcomes: Vec<StoredOutcome>,
    /// Comes back in [`Effect::Reply`].
    pub ticket: u64,
}

/// A resent request.
#[derive(Debug, PartialEq, Eq)]
pub enum Duplicate {
    /// Done: answer with this entry.
    Done(Entry),
    /// Under way: the ticket joins those of the first attempt.
    Joined,
}

impl Pg {
    /// Version of the next write.
    pub fn next_version(&self) -> EVersion {
        EVersion { epoch: self.epoch.0, version: self.log.head().version + 1 }
    }

    /// Whether `reqid` was executed before. If it is still under way, `ticket` waits with it.
    pub fn find_duplicate(&mut self, reqid: &ReqId, ticket: u64) -> Option<Duplicate> {
        let entry = self.log.find(reqid)?;
        let version = entry.version.version;
        if version <= self.complete {
            return Some(Duplicate::Done(entry.clone()));
        }
        let write = self.in_flight.iter_mut().find(|w| w.version == version);
        write.expect("an incomplete entry is in flight").joined.push(ticket);
        Some(Duplicate::Joined)
    }

    /// Logs, stores and replicates a write. The PG is active.
    pub fn submit(&mut self, write: NewWrite, fx: &mut Vec<Effect>) {
        assert!(self.is_active(), "only an active primary takes writes");
        let version = write.version.version;
        let entry = Entry::new(&EntryFields {
            kind: write.kind,
            version: write.version,
            prior: write.prior,
            user_version: write.user_version,
            result: write.result,
            reqid: write.reqid,
            object: &write.object,
            outcomes: write.outcomes,
        });
        let members = self.info.mapping.acting.len();
        assert!(members <= 32, "one bit per member");
        let message = (members > 1).then(|| {
            let head = PgHead { pg: self.id, epoch: self.epoch };
            let mut message = rep_op_message(head, entry.bytes(), &write.changes, self.complete);
            if let Some(crc) = write.data_crc {
                message.data.set_crc(crc);
            }
            message
        });
        if let Some(message) = &message {
            for member in self.info.mapping.acting.iter().filter(|m| m.osd != self.me) {
                fx.push(Effect::Replicate { to: member.osd, message: message.clone() });
            }
        }
        self.in_flight.push_back(InFlight {
            version,
            waiting: (1u64 << members).wrapping_sub(1) as u32,
            ticket: write.ticket,
            joined: Vec::new(),
            message,
        });
        self.apply(entry, write.object, write.changes, self.complete, fx);
    }

    /// Appends to the log and stores, in one transaction.
    fn apply(
        &mut self,
        entry: Entry,
        object: HObject,
        changes: Vec<Change>,
        complete: u64,
        fx: &mut Vec<Effect>,
    ) {
        let version = entry.version.version;
        let mut meta = Vec::with_capacity(2);
        meta.push(MetaChange::Set { key: log_key(version), value: entry.bytes().clone() });
        self.log.append(entry);
        if let Some((first, last)) = self.log.trim(complete) {
            meta.push(MetaChange::RemoveRange { first: log_key(first), last: log_key(last + 1) });
            // The tail's epoch is needed to compare logs exactly.
            meta.push(self.info_change());
        }
        let object = (!changes.is_empty()).then_some(object);
        let txn = PgTxn { object, changes, meta };
        fx.push(Effect::Persist { txn, token: Token::Entry(version) });
    }

    pub(super) fn on_rep_op(&mut self, from: OsdId, op: RepOp, fx: &mut Vec<Effect>) {
        if self.info.mapping.primary != Some(from) {
            return;
        }
        let RepOp { entry, changes, complete } = op;
        let Ok((entry, object)) = Entry::parse_with_object(&entry) else { return };
        let head = self.log.head().version;
        let Role::Member { active, parked } = &mut self.role else { return };
        let version = entry.version.version;
        let change = Parked { entry, object, changes, complete };
        if *active && version <= head {
            // Sent again after its session was lost: acknowledged again, once durable.
            self.ack_due |= version <= self.durable;
        } else if *active && version == head + 1 {
            if self.apply_next(change, fx) {
                self.run_parked(fx);
            }
        } else if parked.len() < PARKED_MAX {
            parked.insert(version, change);
            self.run_parked(fx);
        }
    }

    /// The change after the log's head. False if it is of another history.
    fn apply_next(&mut self, change: Parked, fx: &mut Vec<Effect>) -> bool {
        let Parked { entry, object, changes, complete } = change;
        if !entry.follows(self.log.head()) {
            return false;
        }
        self.complete = self.complete.max(complete);
        self.apply(entry, object, changes, complete, fx);
        true
    }

    /// Applies what has become next in order.
    pub(super) fn run_parked(&mut self, fx: &mut Vec<Effect>) {
        loop {
            let next = self.log.head().version + 1;
            let Role::Member { active: true, parked } = &mut self.role else { return };
            while parked.first_key_value().is_some_and(|(v, _)| *v < next) {
                parked.pop_first();
            }
            let Some(change) = parked.remove(&next) else { return };
            if !self.apply_next(change, fx) {
                return;
            }
        }
    }

    pub(super) fn on_entry_durable(&mut self, version: u64, fx: &mut Vec<Effect>) {
        if version > self.log.head().version {
            return;
        }
        self.durable = self.durable.max(version);
        match self.role {
            Role::Member { active: true, .. } => self.ack_due = true,
            Role::Primary(Primary::Active) => self.acknowledged(self.me, version, fx),
            _ => {}
        }
    }

    /// The acknowledgement to send once per batch: to whom, and up to which version.
    pub fn take_ack(&mut self) -> Option<(OsdId, u64)> {
        if !std::mem::take(&mut self.ack_due) {
            return None;
        }
        Some((self.info.mapping.primary?, self.durable))
    }

    /// Says the last acknowledgement once more; false if there is nobody to say it to.
    pub fn ack_again(&mut self) -> bool {
        let active = matches!(self.role, Role::Member { active: true, .. });
        self.ack_due |= active;
        active
    }

    pub(super) fn on_rep_ack(&mut self, from: OsdId, version: u64, fx: &mut Vec<Effect>) {
        if self.is_active() {
            self.acknowledged(from, version, fx);
        }
    }

    /// `osd` has everything up to `version` durably.
    fn acknowledged(&mut self, osd: OsdId, version: u64, fx: &mut Vec<Effect>) {
        let Some(place) = self.info.mapping.acting.iter().position(|m| m.osd == osd) else {
            return;
        };
        for write in self.in_flight.iter_mut().take_while(|w| w.version <= version) {
            write.waiting &= !(1 << place);
        }
        // Hold the reply until every member has it: any of them may be the only survivor.
        while self.in_flight.front().is_some_and(|w| w.waiting == 0) {
            let write = self.in_flight.pop_front().expect("there is a first write");
            self.complete = write.version;
            let tickets = std::iter::once(write.ticket).chain(write.joined);
            fx.extend(tickets.map(|ticket| Effect::Reply { ticket }));
        }
    }

    pub(super) fn on_peer_reset(&mut self, osd: OsdId, fx: &mut Vec<Effect>) {
        if let Role::Primary(Primary::Active) = self.role {
            let acting = &self.info.mapping.acting;
            let Some(place) = acting.iter().position(|m| m.osd == osd) else { return };
            for write in self.in_flight.iter().filter(|w| w.waiting & (1 << place) != 0) {
                if let Some(message) = &write.message {
                    fx.push(Effect::Replicate { to: osd, message: message.clone() });
                }
            }
        }
        // Peering asks again on its timer.
    }

    /// Writes that are not yet durable everywhere.
    pub fn writes_in_flight(&self) -> usize {
        self.in_flight.len()
    }
}
