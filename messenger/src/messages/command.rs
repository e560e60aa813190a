//! Commands as text: to a monitor, or straight to a daemon (`ceph tell`).

use super::{TypedMessage, kind, paxos, put_paxos};
use crate::message::{Data, Message};
use types::Fsid;
use types::enc::{Encode, Reader, Result};

/// MON_COMMAND. `cmd` is normally one JSON object; `input` what the user gave with `-i`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MonCommand {
    pub fsid: Fsid,
    pub cmd: Vec<String>,
    pub input: Data,
}
impl TypedMessage for MonCommand {
    const KIND: u16 = kind::MON_COMMAND;
    fn encode_front(&self, out: &mut Vec<u8>) {
        put_paxos(out, 0);
        self.fsid.encode(out);
        self.cmd.encode(out);
    }
    fn decode_front(r: &mut Reader<'_>, _: &Message, data: Data) -> Result<Self> {
        paxos(r)?;
        Ok(Self { fsid: r.get()?, cmd: r.get()?, input: data })
    }
    fn take_data(&mut self) -> Data {
        std::mem::take(&mut self.input)
    }
}

/// MON_COMMAND_ACK.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MonCommandAck {
    /// Version of the state that the command changed or read.
    pub version: u64,
    /// 0 or a negative errno.
    pub result: i32,
    /// One line for people (stderr of the `ceph` program).
    pub status: String,
    /// The command again.
    pub cmd: Vec<String>,
    pub output: Data,
}
impl TypedMessage for MonCommandAck {
    const KIND: u16 = kind::MON_COMMAND_ACK;
    fn encode_front(&self, out: &mut Vec<u8>) {
        put_paxos(out, self.version);
        self.result.encode(out);
        self.status.encode(out);
        self.cmd.encode(out);
    }
    fn decode_front(r: &mut Reader<'_>, _: &Message, data: Data) -> Result<Self> {
        let version = paxos(r)?;
        Ok(Self { version, result: r.i32()?, status: r.get()?, cmd: r.get()?, output: data })
    }
    fn take_data(&mut self) -> Data {
        std::mem::take(&mut self.output)
    }
}

/// COMMAND: to an OSD or manager.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    pub fsid: Fsid,
    pub cmd: Vec<String>,
    pub input: Data,
}
impl TypedMessage for Command {
    const KIND: u16 = kind::COMMAND;
    fn encode_front(&self, out: &mut Vec<u8>) {
        self.fsid.encode(out);
        self.cmd.encode(out);
    }
    fn decode_front(r: &mut Reader<'_>, _: &Message, data: Data) -> Result<Self> {
        Ok(Self { fsid: r.get()?, cmd: r.get()?, input: data })
    }
    fn take_data(&mut self) -> Data {
        std::mem::take(&mut self.input)
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandReply {
    pub result: i32,
    pub status: String,
    pub output: Data,
}
impl TypedMessage for CommandReply {
    const KIND: u16 = kind::COMMAND_REPLY;
    fn encode_front(&self, out: &mut Vec<u8>) {
        self.result.encode(out);
        self.status.encode(out);
    }
    fn decode_front(r: &mut Reader<'_>, _: &Message, data: Data) -> Result<Self> {
        Ok(Self { result: r.i32()?, status: r.get()?, output: data })
    }
    fn take_data(&mut self) -> Data {
        std::mem::take(&mut self.output)
    }
}
