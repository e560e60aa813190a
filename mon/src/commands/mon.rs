//! `mon ...`, `quorum_status`, and the few answers about daemons that this cluster does not have.

use super::table::{Spec, cmd};
use super::{Args, Cx, Failure, Outcome, Reply, answer, answer_json};
use crate::mon_service::feature_names;
use serde_json::{Value, json};

pub const COMMANDS: &[Spec] = &[
    cmd("quorum_status", "", "mon", "r", "who is in the quorum", quorum_status),
    cmd("mon dump", "epoch:Int,range=0,req=false", "mon", "r", "the MonMap", dump),
    cmd("mon stat", "", "mon", "r", "monitors in one line", stat),
    cmd("mon getmap", "epoch:Int,range=0,req=false", "mon", "r", "the MonMap, encoded", getmap),
    cmd("mon versions", "", "mon", "r", "versions of running monitors", versions),
    cmd(
        "mon metadata",
        "id:String,req=false",
        "mon",
        "r",
        "what monitors say of themselves",
        metadata,
    ),
    cmd("mgr dump", "epoch:Int,range=0,req=false", "mgr", "r", "the MgrMap", mgr_dump),
    cmd("mgr stat", "", "mgr", "r", "whether a manager is active", mgr_stat),
    cmd("mgr services", "", "mgr", "r", "services of the active manager", empty),
    cmd("mgr module ls", "", "mgr", "r", "modules of the active manager", mgr_modules),
    cmd("mds stat", "", "mds", "r", "state of metadata servers", mds_stat),
    cmd("fs ls", "", "fs", "r", "file systems", fs_ls),
    cmd("service dump", "", "mgr", "r", "registered services", service_dump),
];

fn quorum(cx: &Cx<'_>) -> Vec<usize> {
    (0..cx.services.mon.map.ranks.len()).collect()
}

fn quorum_status(cx: &mut Cx<'_>, args: &Args) -> Outcome {
    let mon = &cx.services.mon;
    let age = cx.now.wall.to_duration().saturating_sub(mon.quorum_since.to_duration()).as_secs();
    let value = json!({
        "election_epoch": mon.election_epoch,
        "quorum": quorum(cx),
        "quorum_names": mon.map.ranks,
        "quorum_leader_name": mon.map.ranks.first(),
        "quorum_age": age,
        "features": {
            "quorum_con": types::features::PACIFIC.to_string(),
            "quorum_mon": feature_names(mon.map.persistent_features),
        },
        "monmap": mon.map.dump(),
    });
    // The real one answers on one line even when no format is asked for.
    answer(args, || value.clone(), || value.to_string())
}

fn at_epoch(cx: &Cx<'_>, args: &Args) -> Result<(), Failure> {
    match args.int("epoch")? {
        Some(epoch) if epoch != 0 && epoch != cx.services.mon.map.epoch.0 as i64 => {
            Err(Failure::not_found(format!("there is no map for epoch {epoch}")))
        }
        _ => Ok(()),
    }
}

fn dump(cx: &mut Cx<'_>, args: &Args) -> Outcome {
    at_epoch(cx, args)?;
    let map = &cx.services.mon.map;
    let json = || {
        let mut value = map.dump();
        value["quorum"] = Value::from(quorum(cx));
        value
    };
    let reply = answer(args, json, || map.print())?;
    Ok(reply.with_status(format!("dumped monmap epoch {}", map.epoch)))
}

fn stat(cx: &mut Cx<'_>, args: &Args) -> Outcome {
    let mon = &cx.services.mon;
    let map = &mon.map;
    let leader = map.ranks.first().cloned().unwrap_or_default();
    let json = || {
        let members: Vec<Value> = map
            .ranks
            .iter()
            .enumerate()
            .map(|(rank, n)| json!({"rank": rank, "name": n}))
            .collect();
        json!({
            "epoch": map.epoch.0, "min_mon_release_name": map.min_mon_release.name(),
            "num_mons": map.mons.len(), "leader": leader, "quorum": members,
        })
    };
    let plain = || {
        let addrs: Vec<String> = map
            .mons
            .values()
            .map(|m| format!("{}={}", m.name, maps::text::addrs(&m.addrs)))
            .collect();
        let ranks: Vec<String> = quorum(cx).iter().map(usize::to_string).collect();
        format!(
            "e{}: {} mons at {{{}}} removed_ranks: {{}}, election epoch {}, leader 0 {leader}, quorum {} {}",
            map.epoch,
            map.mons.len(),
            addrs.join(","),
            mon.election_epoch,
            ranks.join(","),
            map.ranks.join(",")
        )
    };
    answer(args, json, plain)
}

fn getmap(cx: &mut Cx<'_>, args: &Args) -> Outcome {
    at_epoch(cx, args)?;
    let mon = &cx.services.mon;
    Ok(Reply::data(mon.encoded.to_vec()).with_status(format!("got monmap epoch {}", mon.map.epoch)))
}

fn versions(cx: &mut Cx<'_>, args: &Args) -> Outcome {
    answer_json(args, super::status::mon_versions(cx.services).into())
}

fn metadata(cx: &mut Cx<'_>, args: &Args) -> Outcome {
    let entry = |name: &str| {
        let info = cx.services.mon.map.mons.get(name)?;
        let mut said = json!({
            "name": name, "addrs": maps::text::addrs(&info.addrs), "ceph_release": "pacific",
            "ceph_version": super::status::VERSION, "ceph_version_short": "16.2.15",
        });
        let own = &cx.services.mon.hostname;
        if *name == cx.services.mon.name && !own.is_empty() {
            said["hostname"] = own.clone().into();
        }
        Some(said)
    };
    let value = match args.text("id") {
        Some(id) => {
            let name = id.strip_prefix("mon.").unwrap_or(&id).to_owned();
            let mut entry = entry(&name)
                .ok_or_else(|| Failure::not_found(format!("mon.{name} does not exist")))?;
            entry.as_object_mut().expect("made as an object").shift_remove("name");
            entry
        }
        None => {
            cx.services.mon.map.ranks.iter().filter_map(|n| entry(n)).collect::<Vec<_>>().into()
        }
    };
    answer_json(args, value)
}

fn mgr_dump(_: &mut Cx<'_>, args: &Args) -> Outcome {
    answer_json(
        args,
        json!({
            "epoch": 1, "active_gid": 0, "active_name": "", "active_addrs": {"addrvec": []},
            "active_addr": ":/0", "active_change": "0.000000", "active_mgr_features": 0,
            "available": false, "standbys": [], "modules": [], "available_modules": [],
            "services": {}, "always_on_modules": {},
        }),
    )
}

fn mgr_stat(_: &mut Cx<'_>, args: &Args) -> Outcome {
    answer_json(args, json!({"epoch": 1, "available": false, "active_name": "", "num_standby": 0}))
}

fn mgr_modules(_: &mut Cx<'_>, args: &Args) -> Outcome {
    let none = json!({"always_on_modules": [], "enabled_modules": [], "disabled_modules": []});
    answer_json(args, none)
}

fn empty(_: &mut Cx<'_>, args: &Args) -> Outcome {
    answer_json(args, json!({}))
}

fn mds_stat(_: &mut Cx<'_>, args: &Args) -> Outcome {
    answer(args, || json!({"fsmap": {"epoch": 1, "standbys": [], "filesystems": []}}), || "".into())
}

fn fs_ls(_: &mut Cx<'_>, args: &Args) -> Outcome {
    answer(args, || json!([]), || "No filesystems enabled".into())
}

fn service_dump(_: &mut Cx<'_>, args: &Args) -> Outcome {
    answer_json(args, json!({"epoch": 1, "modified": "0.000000", "services": {}}))
}
