//! Runs the ops of one message in order and decides what becomes of the message (Ceph
//! src/osd/PrimaryLogPG.cc: do_op, execute_ctx, do_osd_ops).
//!
//! What an op of a message sees of the ops before it is Ceph's rule, not what one would guess:
//! existence, size, versions and "has omap" are as the earlier ops left them, but data, xattrs and
//! omap are read as they were *before the message*. `osd/tests/differential.py` shows it on the
//! real OSD.

use super::*;
use messenger::messages::op::{OpCode, OpRequest as Args, op_flag};

/// Why an op did not succeed.
#[derive(Debug)]
pub(super) enum Fail {
    Errno(i32),
    Need(Need),
    /// Ends the message as if it had been refused before execution.
    Refuse(i32),
}
impl From<i32> for Fail {
    fn from(errno: i32) -> Self {
        Self::Errno(errno)
    }
}
impl From<seastore::Miss> for Fail {
    fn from(miss: seastore::Miss) -> Self {
        Self::Need(Need::Metadata(miss))
    }
}
impl From<types::DecodeError> for Fail {
    fn from(_: types::DecodeError) -> Self {
        Self::Errno(errno::EINVAL)
    }
}

/// `Some`: the op's result. `None`: it has none of its own, and the one of the op before stays
/// (as in Ceph, where a stat after a true cmpxattr answers 1).
pub(super) type OpResult = Result<Option<i32>, Fail>;
pub(super) const DONE: OpResult = Ok(Some(0));
pub(super) const UNCHANGED: OpResult = Ok(None);

/// One message in execution: the object as it was, as it will be, and the changes between.
pub(super) struct Context<'a> {
    pub request: &'a OpRequest,
    pub object: &'a dyn ObjectReader,
    pub limits: &'a Limits,
    /// The object before the message.
    pub before: Option<ObjectInfo>,
    /// The object as the ops so far leave it. Meaningful fields stay when it is deleted, because an
    /// op after the deletion still sees them.
    pub exists: bool,
    pub info: ObjectInfo,
    pub changes: Vec<Change>,
    /// Bytes in `changes`. They travel to the replicas in one message.
    pub written: u64,
    /// An op counts as a change although it may have left nothing in `changes`.
    pub touched: bool,
    pub undirty: bool,
    pub user_modify: bool,
    pub copied_user_version: Option<u64>,
    /// Becomes the object's mtime unless zero.
    pub mtime: UTime,
}

impl Context<'_> {
    pub fn change(&mut self, change: Change) {
        self.written += change_bytes(&change);
        self.changes.push(change);
        self.touched = true;
    }

    pub fn create_if_missing(&mut self) {
        if !self.exists {
            self.exists = true;
            self.change(Change::Touch);
        }
    }

    /// The bytes of the object before the message in `range`, cut at its end.
    /// ENOENT when there was no object.
    pub fn stored(&self, offset: u64, len: u64) -> Result<DataRange, Fail> {
        let size = self.before.as_ref().ok_or(errno::ENOENT)?.size;
        Ok(DataRange { offset, len: len.min(size.saturating_sub(offset)) })
    }

    /// Object sizes may be allowed that no memory holds.
    pub fn bytes(&self, range: DataRange) -> Result<Bytes, Fail> {
        if range.len == 0 {
            return Ok(Bytes::new());
        }
        if range.len > self.limits.read_bytes_max {
            return Err(Fail::Refuse(errno::EMSGSIZE));
        }
        self.object.data(range).map_err(|need| Fail::Need(Need::Data(need)))
    }

    /// Ceph refuses what starts at or ends after the largest object.
    pub fn check_range(&self, offset: u64, len: u64) -> Result<(), Fail> {
        let max = self.limits.object_size_bytes_max;
        if offset >= max || len > max || offset + len > max {
            return Err(errno::EFBIG.into());
        }
        Ok(())
    }

    /// Whether `more` bytes can be written as well, of a message that may have brought none.
    pub fn check_written(&self, more: u64) -> Result<(), Fail> {
        if self.written.saturating_add(more) > self.limits.write_bytes_max {
            return Err(Fail::Refuse(errno::EMSGSIZE));
        }
        Ok(())
    }

    /// Runs ops in order until one fails. Used for the message and for ops that consist of others.
    fn run_ops(&mut self, outcomes: &mut [OpOutcome]) -> Result<i32, Fail> {
        let mut result = 0;
        let request = self.request;
        let mut output = 0;
        for (index, op) in request.ops.iter().enumerate() {
            let outcome = &mut outcomes[index];
            result = match self.run_op(index, op, &mut outcome.output) {
                Ok(own) => own.unwrap_or(result),
                Err(Fail::Errno(errno)) => errno,
                Err(other) => return Err(other),
            };
            outcome.rval = result;
            // One small message must not ask for more than one message can carry.
            output += outcome.output_len();
            if output > self.limits.read_bytes_max {
                return Err(Fail::Refuse(errno::EMSGSIZE));
            }
            self.check_written(0)?;
            if result < 0 {
                if op.flags & op_flag::FAILOK == 0 {
                    return Err(Fail::Errno(result));
                }
                result = 0;
            }
        }
        Ok(result)
    }

    fn run_op(&mut self, index: usize, op: &Op, out: &mut Vec<Piece>) -> OpResult {
        let code = op.code;
        if code.is_write()
            && !matches!(code, OpCode::UNDIRTY | OpCode::COPY_FROM | OpCode::COPY_FROM2)
        {
            self.user_modify = true;
        }
        match op.request()? {
            Args::Read(extent) | Args::SyncRead(extent) => self.read(extent, out),
            Args::SparseRead(extent) => self.sparse_read(extent, out),
            Args::MapExt(extent) => self.map_extents(extent, out),
            Args::Stat => self.stat(out),
            Args::Checksum { kind, offset, length, chunk_size, init } => {
                self.checksum(kind, offset, length, chunk_size, &init, out)
            }
            Args::CmpExt { extent, data } => self.compare_extent(extent, &data),
            Args::AssertVersion { version } => self.assert_version(version),
            Args::ListWatchers => self.list_watchers(out),
            Args::ListSnaps => self.list_snaps(out),
            Args::IsDirty => self.is_dirty(out),
            Args::CopyGet { cursor, .. } => self.copy_get(&cursor, out),

            Args::GetXattr { name } => self.get_xattr(&name, out),
            Args::GetXattrs => self.get_xattrs(out),
            Args::CmpXattr { name, value, op, mode } => self.compare_xattr(&name, &value, op, mode),
            Args::SetXattr { name, value } => self.set_xattr(&name, value),
            Args::RmXattr { name } => self.remove_xattr(&name),

            Args::OmapGetKeys { start_after, max } => self.omap_keys(&start_after, max, out),
            Args::OmapGetVals { start_after, max, prefix } => {
                self.omap_values(&start_after, max, &prefix, out)
            }
            Args::OmapGetHeader => self.omap_header(out),
            Args::OmapGetValsByKeys { keys } => self.omap_values_by_keys(keys, out),
            Args::OmapCmp { assertions } => self.compare_omap(assertions),
            Args::OmapSetVals { pairs } => self.omap_set(pairs),
            Args::OmapSetHeader { header } => self.omap_set_header(header),
            Args::OmapClear => self.omap_clear(),
            Args::OmapRmKeys { keys } => self.omap_remove(keys),
            Args::OmapRmKeyRange { first, last } => self.omap_remove_range(first, last),

            Args::Write { extent, data } => self.write(extent, data),
            Args::WriteFull { data } => self.write_full(op.extent().length, data),
            Args::WriteSame { offset, length, data } => {
                self.write_same(offset, length, &data, op.input.len())
            }
            Args::Append { data } => self.append(op.extent().length, data),
            Args::Truncate(extent) => self.truncate(extent),
            Args::TrimTrunc(extent) => {
                self.truncate(Extent { offset: extent.truncate_size, ..extent })
            }
            Args::Zero(extent) => self.zero(extent),
            Args::Delete => self.delete(),
            Args::Create { exclusive } => self.create(exclusive),
            Args::SetAllocHint { object_size, write_size, flags } => {
                self.set_alloc_hint(object_size, write_size, flags)
            }
            Args::Undirty => self.undirty(),
            Args::Rollback { .. } => self.rollback(),
            Args::CopyFrom { source, locator, snap, version, flags, fadvise, truncate } => {
                let source = copy::CopySource { name: source, locator, snap, version, fadvise };
                let truncate = truncate.filter(|_| flags & copy::FLAG_TRUNCATE_SEQ != 0);
                self.copy_from(index, code, flags, source, truncate)
            }
            Args::Other(OpCode::TMAPGET) => self.tmap_get(out),
            Args::Other(OpCode::TMAPPUT) => self.tmap_put(&op.input),
            Args::Other(OpCode::TMAPUP) => self.tmap_update(&op.input),
            Args::Other(OpCode::TMAP2OMAP) => self.tmap_to_omap(op.args[0]),
            _ => Err(errno::EOPNOTSUPP.into()),
        }
    }

    fn is_dirty(&self, out: &mut Vec<Piece>) -> OpResult {
        out.push(Piece::Bytes(Bytes::copy_from_slice(&[self.info.dirty as u8])));
        DONE
    }

    fn undirty(&mut self) -> OpResult {
        if self.info.dirty {
            self.undirty = true;
            self.touched = true;
        }
        DONE
    }

    /// An object without snapshots is its own state at every snapshot; without an object there is
    /// nothing to delete either.
    fn rollback(&mut self) -> OpResult {
        if self.before.is_some() {
            self.touched = true;
        } else if self.exists {
            self.delete()?;
        }
        DONE
    }

    fn assert_version(&self, version: u64) -> OpResult {
        match version {
            0 => Err(errno::EINVAL.into()),
            v if v < self.info.user_version => Err(errno::ERANGE.into()),
            v if v > self.info.user_version => Err(errno::EOVERFLOW.into()),
            _ => UNCHANGED,
        }
    }

    fn list_watchers(&self, out: &mut Vec<Piece>) -> OpResult {
        let mut reply = Vec::new();
        types::enc::versioned(&mut reply, 1, 1, |reply| 0u32.encode(reply));
        out.push(Piece::Bytes(reply.into()));
        DONE
    }

    /// `obj_list_snap_response_t` of an object without clones: the head alone.
    fn list_snaps(&self, out: &mut Vec<Piece>) -> OpResult {
        let mut reply = Vec::new();
        types::enc::versioned(&mut reply, 2, 1, |reply| {
            1u32.encode(reply);
            types::enc::versioned(reply, 1, 1, |reply| {
                SnapId::HEAD.encode(reply);
                0u32.encode(reply); // snaps
                0u32.encode(reply); // overlap
                self.info.size.encode(reply);
            });
            0u64.encode(reply); // seq
        });
        out.push(Piece::Bytes(reply.into()));
        DONE
    }
}

/// What is wrong with the message as a whole, whatever the object; checked before any op runs.
fn check_request(request: &OpRequest, limits: &Limits) -> Result<(), i32> {
    let ops = &request.ops;
    if ops.iter().any(|op| op.code == OpCode::CALL) {
        return Err(errno::EOPNOTSUPP);
    }
    if !ops.iter().any(|op| op.code.is_read() || op.code.is_write() || op.code.is_cache()) {
        return Err(errno::EINVAL);
    }
    let object = &request.object;
    if object.name.len() > limits.object_name_bytes_max
        || object.key.len() > limits.object_name_bytes_max
        || object.nspace.len() > limits.nspace_bytes_max
    {
        return Err(errno::ENAMETOOLONG);
    }
    if object.name.is_empty() {
        return Err(errno::EINVAL);
    }
    if request.is_write() {
        if request.snap != SnapId::HEAD {
            return Err(errno::EINVAL);
        }
        let bytes: u64 = ops.iter().map(|op| op.input.len() as u64).sum();
        if bytes > limits.write_bytes_max {
            return Err(errno::EMSGSIZE);
        }
    }
    // list-snaps goes to the snapshot directory, and nothing else does.
    let to_directory = request.snap == SnapId::DIR;
    if ops.iter().any(|op| (op.code == OpCode::LIST_SNAPS) != to_directory) {
        return Err(errno::EINVAL);
    }
    Ok(())
}

fn change_bytes(change: &Change) -> u64 {
    let len = match change {
        Change::Write { data, .. } => data.len(),
        Change::SetXattr { name, value } => name.len() + value.len(),
        Change::OmapSet { pairs } => pairs.iter().map(|(key, value)| key.len() + value.len()).sum(),
        Change::OmapSetHeader { header } => header.len(),
        _ => 0,
    };
    len as u64
}

/// Ceph's `SnapContext::is_valid`: descending, none zero, none above `seq`.
fn snap_context_is_valid(context: &SnapContext) -> bool {
    context.seq <= (-3i64) as u64
        && context.snaps.first().is_none_or(|first| *first <= context.seq)
        && context.snaps.windows(2).all(|pair| pair[0] > pair[1])
        && context.snaps.last().is_none_or(|last| *last != 0)
}

fn refused(request: &OpRequest, result: i32) -> Execution {
    Execution {
        result,
        ops: vec![OpOutcome::default(); request.ops.len()],
        disposition: Disposition::Refused,
        user_version: 0,
        size_before: None,
    }
}

pub(super) fn run(
    request: &OpRequest,
    object: &dyn ObjectReader,
    limits: &Limits,
) -> Result<Execution, Need> {
    if let Err(errno) = check_request(request, limits) {
        return Ok(refused(request, errno));
    }
    let is_write = request.is_write();
    let before = object.state().map_err(Need::Metadata)?.map(|state| state.info);
    if before.is_none() && !is_write {
        return Ok(refused(request, errno::ENOENT));
    }

    let mut context = Context {
        request,
        object,
        limits,
        exists: before.is_some(),
        info: before.clone().unwrap_or_default(),
        before,
        changes: Vec::new(),
        written: 0,
        touched: false,
        undirty: false,
        user_modify: false,
        copied_user_version: None,
        mtime: request.mtime,
    };
    let mut ops = vec![OpOutcome::default(); request.ops.len()];
    let valid = match &request.snap_context {
        snaps if is_write && !snap_context_is_valid(snaps) => Err(Fail::Errno(errno::EINVAL)),
        // Writing on would lose what the snapshot must keep.
        snaps if is_write && !snaps.snaps.is_empty() => Err(Fail::Refuse(errno::EOPNOTSUPP)),
        _ => Ok(()),
    };
    let result = match valid.and_then(|()| context.run_ops(&mut ops)) {
        Ok(result) => result,
        Err(Fail::Errno(errno)) => errno,
        Err(Fail::Need(need)) => return Err(need),
        Err(Fail::Refuse(errno)) => return Ok(refused(request, errno)),
    };
    let user_version = context.before.as_ref().map_or(0, |info| info.user_version);
    if !is_write {
        let user_version = if result < 0 { 0 } else { user_version };
        return Ok(Execution {
            result,
            ops,
            disposition: Disposition::Read,
            user_version,
            size_before: None,
        });
    }
    // An object that the message made and deleted again never was.
    let never_was = context.before.is_none() && !context.exists;
    if result < 0 || !context.touched || never_was {
        return Ok(Execution {
            result,
            ops,
            disposition: Disposition::LogOnly,
            user_version,
            size_before: None,
        });
    }
    finish_write(context, result, ops, user_version)
}

/// Applies the RETURNVEC rules and turns the context into a [`Mutation`].
fn finish_write(
    mut context: Context<'_>,
    mut result: i32,
    mut ops: Vec<OpOutcome>,
    user_version: u64,
) -> Result<Execution, Need> {
    if context.request.flags & RETURN_VEC == 0 {
        result = 0;
        ops.iter_mut().for_each(|op| op.output.clear());
    } else {
        for op in &mut ops {
            if op.output_len() > context.limits.returned_bytes_max {
                result = errno::EOVERFLOW;
                op.rval = errno::EOVERFLOW;
                op.output.clear();
            }
        }
        if result < 0 {
            // Ceph applies and logs nothing here.
            return Ok(Execution {
                result,
                ops,
                disposition: Disposition::Read,
                user_version: 0,
                size_before: None,
            });
        }
        // The data may be overwritten by the time that the reply goes out.
        for piece in ops.iter_mut().flat_map(|op| &mut op.output) {
            if let Piece::Object(range) = *piece {
                *piece = match context.bytes(range) {
                    Ok(bytes) => Piece::Bytes(bytes),
                    Err(Fail::Need(need)) => return Err(need),
                    Err(_) => Piece::Bytes(Bytes::new()),
                };
            }
        }
    }
    let info = context.exists.then(|| {
        context.info.dirty = !context.undirty;
        if context.mtime != UTime::default() {
            context.info.mtime = context.mtime;
        }
        context.info
    });
    let size_before = context.before.as_ref().map(|info| info.size);
    let mutation = Mutation {
        changes: context.changes,
        info,
        prior_version: context.before.as_ref().map_or_else(EVersion::default, |info| info.version),
        new_mtime: context.mtime != UTime::default(),
        user_version: match context.copied_user_version {
            _ if context.user_modify => UserVersion::New,
            Some(version) => UserVersion::Keep(version),
            None => UserVersion::Keep(user_version),
        },
    };
    let disposition = Disposition::Write(mutation);
    Ok(Execution { result, ops, disposition, user_version, size_before })
}
