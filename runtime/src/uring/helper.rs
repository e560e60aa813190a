//! A thread that does what blocks and what the ring has no command for: requests about zones.

use crate::device::Device;
use crate::hop::Alarm;
use std::sync::mpsc::{Receiver, Sender, channel};
use types::node::{Input, IoError, IoId};
use types::zone::{Zone, ZoneOp};

/// One request, answered in its turn.
pub enum Request {
    Zone { io: IoId, offset: u64, len: u64, op: ZoneOp },
    ReportZones { io: IoId, offset: u64, len: u64 },
}

enum Answer {
    Zone { io: IoId, result: Result<(), IoError> },
    Zones { io: IoId, result: Result<Vec<Zone>, IoError> },
}

/// A core's own thread. Ends when it is dropped, with what it has under way.
pub struct Helper {
    requests: Sender<Request>,
    answers: Receiver<Answer>,
}

impl Helper {
    /// `alarm` rings after each answer.
    ///
    /// # Panics
    /// If the device has no second handle, for want of descriptors.
    pub fn new(device: &Device, alarm: Alarm) -> Self {
        let device = device.try_clone().expect("a descriptor is left for the device");
        let (requests, queue) = channel();
        let (done, answers) = channel();
        std::thread::spawn(move || {
            for request in queue {
                let answer = match request {
                    Request::Zone { io, offset, len, op } => {
                        Answer::Zone { io, result: device.zone_op(offset, len, op) }
                    }
                    Request::ReportZones { io, offset, len } => {
                        Answer::Zones { io, result: device.report_zones(offset, len) }
                    }
                };
                if done.send(answer).is_err() {
                    return;
                }
                alarm.ring();
            }
        });
        Self { requests, answers }
    }

    pub fn ask(&self, request: Request) {
        // The thread ends only after this.
        let _ = self.requests.send(request);
    }

    pub fn answer<H>(&self) -> Option<Input<H>> {
        Some(match self.answers.try_recv().ok()? {
            Answer::Zone { io, result } => Input::ZoneDone { io, result },
            Answer::Zones { io, result } => Input::Zones { io, result },
        })
    }
}
