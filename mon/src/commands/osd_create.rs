//! New OSDs, and old ones that go for good.

use super::args::parse_osd;
use super::table::{Spec, cmd};
use super::{Args, Cx, Failure, Outcome, Reply, answer, errno};
use maps::{WEIGHT_IN, osd_state};
use messenger::auth::crypto::CryptoKey;
use messenger::auth::{AuthName, EntityAuth};
use serde_json::{Value, json};
use types::{EntityKind, Fsid, OsdId};

pub const COMMANDS: &[Spec] = &[
    cmd(
        "osd new",
        "uuid:UUID,req=true id:OsdName,req=false",
        "osd",
        "rw",
        "make an OSD with its key",
        new,
    ),
    cmd(
        "osd create",
        "uuid:UUID,req=false id:OsdName,req=false",
        "osd",
        "rw",
        "make an OSD without a key",
        create,
    ),
    cmd("osd rm", "ids:String,n=N", "osd", "rw", "remove OSDs that are down", rm),
    cmd(
        "osd destroy",
        "id:OsdName force:Bool,req=false yes_i_really_mean_it:Bool,req=false",
        "osd",
        "rw",
        "say that an OSD's data are gone; its id stays",
        destroy,
    ),
    cmd(
        "osd purge",
        "id:OsdName force:Bool,req=false yes_i_really_mean_it:Bool,req=false",
        "osd",
        "rw",
        "remove an OSD with its key and its place",
        purge,
    ),
];

fn uuid(args: &Args) -> Result<Option<Fsid>, Failure> {
    let Some(text) = args.text("uuid") else { return Ok(None) };
    match Fsid::parse(&text) {
        Some(uuid) => Ok(Some(uuid)),
        None => Err(Failure::invalid(format!("invalid UUID value '{text}'."))),
    }
}

fn answer_id(args: &Args, id: u32) -> Outcome {
    answer(args, || json!({"osdid": id}), || id.to_string())
}

/// The id for a new OSD: the one with this uuid, the one asked for, or the lowest that is free.
fn choose(cx: &Cx<'_>, uuid: Option<Fsid>, wanted: Option<u32>) -> Result<(u32, bool), Failure> {
    let map = cx.services.osd.view();
    if let Some(uuid) = uuid
        && let Some(osd) = map.osds().find(|o| map.uuid[o.0 as usize] == uuid)
    {
        return match wanted.is_none_or(|w| w == osd.0) {
            true => Ok((osd.0, true)),
            false => Err(Failure::new(
                errno::EEXIST,
                format!("uuid {uuid} already in use for different id {osd}"),
            )),
        };
    }
    if let Some(id) = wanted {
        let osd = OsdId(id);
        if id >= 1 << 20 {
            return Err(Failure::invalid(format!("osd id {id} is too large")));
        }
        return match map.exists(osd) && !map.is_destroyed(osd) {
            true => Err(Failure::new(
                errno::EEXIST,
                format!(
                    "id {id} already in use and does not match uuid {}",
                    uuid.unwrap_or_default()
                ),
            )),
            false => Ok((id, false)),
        };
    }
    let free = (0..).find(|id| !map.exists(OsdId(*id))).expect("ids do not end");
    Ok((free, false))
}

fn make(cx: &mut Cx<'_>, id: u32, uuid: Fsid) {
    let map = cx.services.osd.edit();
    if map.max_osd() <= id {
        map.set_max_osd(id + 1);
    }
    let i = id as usize;
    map.state[i] |= osd_state::EXISTS | osd_state::NEW;
    map.state[i] &= !osd_state::DESTROYED;
    map.weight[i] = WEIGHT_IN;
    map.uuid[i] = uuid;
}

fn new(cx: &mut Cx<'_>, args: &Args) -> Outcome {
    let uuid =
        uuid(args)?.ok_or_else(|| Failure::invalid("requires the OSD UUID to be specified."))?;
    let (id, exists) = choose(cx, Some(uuid), args.osd("id")?)?;
    let key = match input_secret(cx)? {
        Some(key) => key,
        None => cx.services.auth.new_key(cx.now.wall),
    };
    if exists {
        return answer_id(args, id);
    }
    make(cx, id, uuid);
    let name = AuthName::new(EntityKind::Osd, &id.to_string());
    cx.services.auth.set(name, EntityAuth { key, caps: crate::mkfs::osd_caps() });
    answer_id(args, id)
}

/// `{"cephx_secret": KEY}` as `ceph osd new UUID -i FILE` gives it.
fn input_secret(cx: &Cx<'_>) -> Result<Option<CryptoKey>, Failure> {
    if cx.input.is_empty() {
        return Ok(None);
    }
    let bad = |what: &str| Failure::invalid(what.to_owned());
    let value: Value = serde_json::from_slice(&cx.input).map_err(|_| bad("input is not JSON"))?;
    match value.get("cephx_secret").and_then(Value::as_str) {
        None => Ok(None),
        Some(text) => {
            CryptoKey::from_base64(text).map(Some).ok_or_else(|| bad("cephx_secret is not a key"))
        }
    }
}

fn create(cx: &mut Cx<'_>, args: &Args) -> Outcome {
    let uuid = uuid(args)?;
    let (id, exists) = choose(cx, uuid, args.osd("id")?)?;
    if !exists {
        make(cx, id, uuid.unwrap_or_default());
    }
    answer_id(args, id)
}

/// Takes an OSD out of the map. It is down.
fn forget(cx: &mut Cx<'_>, osd: OsdId) {
    let map = cx.services.osd.edit();
    let i = osd.0 as usize;
    map.state[i] = 0;
    map.weight[i] = 0;
    cx.services.osd.set_metadata(osd.0, None);
}

fn rm(cx: &mut Cx<'_>, args: &Args) -> Outcome {
    let mut status = Vec::new();
    for text in args.list("ids") {
        let id = parse_osd(&text).ok_or_else(|| {
            Failure::invalid(format!(
                "Expected option value to be integer, got '{text}'invalid osd id-1"
            ))
        })?;
        let osd = OsdId(id);
        let map = cx.services.osd.view();
        if !map.exists(osd) {
            status.push(format!("osd.{osd} does not exist. "));
        } else if map.is_up(osd) {
            return Err(Failure::new(
                errno::EBUSY,
                format!("osd.{osd} is still up; must be down before removal. "),
            ));
        } else {
            forget(cx, osd);
            status.push(format!("removed osd.{osd}"));
        }
    }
    Ok(Reply::status(status.concat()))
}

fn sure(args: &Args, what: &str) -> Result<(), Failure> {
    match args.flag("yes_i_really_mean_it") || args.flag("force") {
        true => Ok(()),
        false => Err(Failure::new(
            errno::EPERM,
            format!(
                "Are you SURE?  Did you verify with 'ceph osd safe-to-destroy'?  This will {what}.  Pass --yes-i-really-mean-it if you really do."
            ),
        )),
    }
}

fn not_up(cx: &Cx<'_>, osd: OsdId) -> Result<(), Failure> {
    match cx.services.osd.view().is_up(osd) {
        true => Err(Failure::new(errno::EBUSY, format!("osd.{osd} is not `down`."))),
        false => Ok(()),
    }
}

fn destroy(cx: &mut Cx<'_>, args: &Args) -> Outcome {
    let osd = OsdId(args.need_osd("id")?);
    sure(args, "mean real, permanent data loss, as well as deletion of cephx keys")?;
    if !cx.services.osd.view().exists(osd) {
        return Err(Failure::not_found(format!("osd.{osd} does not exist")));
    }
    not_up(cx, osd)?;
    let map = cx.services.osd.edit();
    map.state[osd.0 as usize] |= osd_state::DESTROYED;
    map.uuid[osd.0 as usize] = Fsid::default();
    cx.services.auth.remove(AuthName::new(EntityKind::Osd, &osd.to_string()));
    Ok(Reply::status(format!("destroyed osd.{osd}")))
}

fn purge(cx: &mut Cx<'_>, args: &Args) -> Outcome {
    let osd = OsdId(args.need_osd("id")?);
    sure(args, "mean real, permanent data loss, as well as deletion of cephx keys")?;
    if !cx.services.osd.view().exists(osd) {
        return Ok(Reply::status(format!("osd.{osd} does not exist.")));
    }
    not_up(cx, osd)?;
    forget(cx, osd);
    let mut crush = cx.services.osd.crush_view().clone();
    // An OSD that never booted has no place in the CRUSH map.
    if crush.remove_item(osd.0 as i32, false).is_ok() {
        *cx.services.osd.edit_crush() = crush;
    }
    cx.services.auth.remove(AuthName::new(EntityKind::Osd, &osd.to_string()));
    Ok(Reply::status(format!("purged osd.{osd}")))
}
