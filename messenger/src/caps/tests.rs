use super::*;
use crate::auth::AuthName;
use std::collections::BTreeMap;
use types::EntityKind;

type Args = BTreeMap<String, String>;

fn mon(text: &str, service: &str, command: &str, args: &[(&str, &str)], rwx: &str) -> bool {
    let name = AuthName::new(EntityKind::Osd, "3");
    let args: Args = args.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect();
    MonCaps::parse(text).unwrap_or_else(|e| panic!("{text}: {e}")).allows(&MonAccess {
        name: &name,
        service,
        command,
        args: &args,
        read: rwx.contains('r'),
        write: rwx.contains('w'),
        exec: rwx.contains('x'),
        addr: "10.1.2.3".parse().ok(),
    })
}

#[test]
fn monitors_decide_by_service_command_and_profile() {
    let m = mon;
    assert!(m("allow *", "config-key", "config-key get", &[], "rwx"));
    assert!(m("allow all", "auth", "", &[], "rwx"));
    assert!(m("allow r", "osd", "", &[], "r"));
    assert!(!m("allow r", "osd", "", &[], "rw"));
    assert!(!m("allow rwx", "config-key", "config-key get", &[], "r"));
    // Grants add up.
    assert!(m("allow r, allow service osd w", "osd", "", &[], "rw"));
    assert!(!m("allow r, allow service osd w", "mon", "", &[], "rw"));
    assert!(m("allow service=config-key rw", "config-key", "", &[], "r"));
    assert!(m("allow command \"osd pool create\"", "osd", "osd pool create", &[], "rw"));
    assert!(!m("allow command \"osd pool create\"", "osd", "osd pool delete", &[], "rw"));
    let with = "allow command 'auth get' with entity=client.a format prefix js";
    assert!(m(with, "auth", "auth get", &[("entity", "client.a"), ("format", "json")], "rx"));
    assert!(!m(with, "auth", "auth get", &[("entity", "client.a")], "rx"));
    assert!(!m(with, "auth", "auth get", &[("entity", "client.b"), ("format", "json")], "rx"));
    let regex = "allow command x with n regex '[a-c]+'";
    assert!(
        m(regex, "mon", "x", &[("n", "abc")], "r") && !m(regex, "mon", "x", &[("n", "abd")], "r")
    );
    assert!(m("allow r network 10.0.0.0/8", "mon", "", &[], "r"));
    assert!(!m("allow r network 10.2.0.0/16", "mon", "", &[], "r"));
    assert!(!m("allow * network 10.2.0.0/16", "mon", "", &[], "r"));
}

#[test]
fn monitors_know_the_profiles() {
    let m = mon;
    assert!(m("profile osd", "osd", "", &[], "rwx"));
    assert!(m("allow profile osd", "pg", "", &[], "rw"));
    assert!(!m("allow profile osd", "auth", "", &[], "r"));
    let key = |k| [("key", k)];
    let get = "config-key get";
    assert!(m("profile osd", "config-key", get, &key("daemon-private/osd.3/a"), "r"));
    assert!(!m("profile osd", "config-key", get, &key("daemon-private/osd.4/a"), "r"));
    for profile in ["profile rbd", "profile rbd-read-only", "profile simple-rados-client"] {
        assert!(m(profile, "osd", "", &[], "r") && !m(profile, "osd", "", &[], "w"), "{profile}");
    }
    let add = |addr| [("blocklistop", "add"), ("addr", addr)];
    assert!(m("profile rbd", "osd", "osd blocklist", &add("10.0.0.1:0/77"), "rw"));
    assert!(!m("profile rbd", "osd", "osd blocklist", &add("10.0.0.1:0"), "rw"), "no nonce");
    let rm = [("blocklistop", "rm"), ("addr", "10.0.0.1:0/77")];
    assert!(!m("profile rbd", "osd", "osd blocklist", &rm, "rw"));
    assert!(m("profile bootstrap-osd", "osd", "osd new", &[], "rw"));
    assert!(!m("profile bootstrap-osd", "osd", "osd rm", &[], "rw"));
    let create =
        [("entity", "client.x"), ("caps_mon", "profile rbd"), ("caps_osd", "profile rbd pool=a")];
    assert!(m("profile bootstrap-rbd", "auth", "auth get-or-create", &create, "rwx"));
    let more = [("entity", "client.x"), ("caps_mon", "profile rbd"), ("caps_osd", "allow *")];
    assert!(!m("profile bootstrap-rbd", "auth", "auth get-or-create", &more, "rwx"));
    assert!(m("profile role-definer", "auth", "", &[], "rwx"));
    assert!(m("profile mgr", "config", "", &[], "rw"));
    assert!(!m("profile nonsense", "mon", "", &[], "r"));
}

#[test]
fn texts_that_ceph_refuses_are_refused() {
    for text in [
        "",
        "allow",
        "allow q",
        "allow rwz",
        "foo",
        "allow r,",
        "allow command",
        "profile",
        "allow r allow w",
    ] {
        assert!(MonCaps::parse(text).is_err(), "{text:?}");
    }
    for text in [
        "",
        "allow",
        "allow q",
        "allow rwx pool",
        "profile",
        "allow rwx pool=a,",
        "allow r tag x",
        "allow rwx namespace=*",
    ] {
        assert!(OsdCaps::parse(text).is_err(), "{text:?}");
    }
    assert_eq!(MonCaps::parse("allow r; nonsense"), Err(CapsError { at: 9 }));
}

struct Want<'a> {
    pool: &'a str,
    namespace: &'a str,
    object: &'a str,
    rw: &'a str,
    class: Option<(&'a str, &'a str, &'a str)>,
}

fn osd(text: &str, w: Want<'_>) -> bool {
    let mut applications = BTreeMap::new();
    let metadata = [("data".to_owned(), "cephfs_a".to_owned())];
    applications.insert("cephfs".to_owned(), BTreeMap::from(metadata));
    let classes: Vec<ClassAccess<'_>> = w
        .class
        .iter()
        .map(|(class, method, rw)| ClassAccess {
            class,
            method,
            read: rw.contains('r'),
            write: rw.contains('w'),
            listed: true,
        })
        .collect();
    OsdCaps::parse(text).unwrap_or_else(|e| panic!("{text}: {e}")).allows(&ObjectAccess {
        pool: w.pool,
        namespace: w.namespace,
        applications: &applications,
        object: w.object,
        read: w.rw.contains('r'),
        write: w.rw.contains('w'),
        classes: &classes,
        addr: "10.1.2.3".parse().ok(),
    })
}

fn plain<'a>(pool: &'a str, namespace: &'a str, object: &'a str, rw: &'a str) -> Want<'a> {
    Want { pool, namespace, object, rw, class: None }
}

#[test]
fn osds_decide_by_pool_namespace_prefix_and_tag() {
    assert!(osd("allow *", plain("p", "n", "o", "rw")));
    for text in ["allow rw pool=p", "allow rw pool p", "allow pool p rw", "allow rw pool='p'"] {
        assert!(osd(text, plain("p", "n", "o", "rw")), "{text}");
        assert!(!osd(text, plain("q", "n", "o", "r")), "{text}");
    }
    assert!(!osd("allow r pool=p", plain("p", "", "o", "rw")));
    // Unlike at monitors, read and write must come from one grant.
    assert!(!osd("allow r, allow w", plain("p", "", "o", "rw")));
    let both = "allow rw pool=p namespace=n object_prefix x";
    assert!(osd(both, plain("p", "n", "xy", "rw")));
    assert!(!osd(both, plain("p", "n", "y", "r")) && !osd(both, plain("p", "m", "xy", "r")));
    assert!(osd("allow r namespace=ab*", plain("p", "abc", "o", "r")));
    assert!(!osd("allow r namespace=ab*", plain("p", "ac", "o", "r")));
    assert!(osd("allow r namespace=\"\"", plain("p", "", "o", "r")));
    assert!(!osd("allow r namespace=\"\"", plain("p", "n", "o", "r")));
    for (tag, good) in [
        ("data=cephfs_a", true),
        ("data=*", true),
        ("*=cephfs_a", true),
        ("* = *", true),
        ("data=cephfs_b", false),
        ("metadata=*", false),
    ] {
        let text = format!("allow rw tag cephfs {tag}");
        assert_eq!(osd(&text, plain("p", "n", "o", "rw")), good, "{text}");
        let text = format!("allow rw namespace=n tag cephfs {tag}");
        assert_eq!(osd(&text, plain("p", "n", "o", "rw")), good, "{text}");
        assert!(!osd(&text, plain("p", "other", "o", "rw")));
    }
    assert!(!osd("allow rw tag rbd data=*", plain("p", "", "o", "r")));
    assert!(osd("allow r network 10.0.0.0/8", plain("p", "", "o", "r")));
    assert!(!osd("allow r network 11.0.0.0/8", plain("p", "", "o", "r")));
}

#[test]
fn osds_decide_class_calls() {
    let call = |object, class, method, rw| Want {
        pool: "p",
        namespace: "",
        object,
        rw: "",
        class: Some((class, method, rw)),
    };
    assert!(osd("allow x", call("o", "lock", "lock", "rw")));
    assert!(osd("allow class-read", call("o", "lock", "get_info", "r")));
    assert!(!osd("allow class-read", call("o", "lock", "lock", "rw")));
    assert!(osd("allow rw class-read class-write pool=p", call("o", "lock", "lock", "rw")));
    let named = "allow class rbd metadata_list";
    assert!(osd(named, call("o", "rbd", "metadata_list", "r")));
    assert!(!osd(named, call("o", "rbd", "create", "rw")));
    assert!(osd("allow class rbd", call("o", "rbd", "create", "rw")));
    assert!(!osd("allow rw", call("o", "rbd", "create", "rw")));
    // The rbd profiles, as librbd needs them.
    let rbd = "profile rbd pool=p";
    assert!(osd(rbd, plain("p", "", "rbd_data.1", "rw")));
    assert!(!osd(rbd, plain("q", "", "rbd_data.1", "r")));
    assert!(osd(rbd, call("rbd_header.1", "rbd", "create", "rw")));
    assert!(osd(rbd, Want { pool: "q", ..call("rbd_children", "rbd", "get_children", "r") }));
    assert!(!osd(rbd, Want { pool: "q", ..call("rbd_directory", "rbd", "x", "r") }));
    let ro = "profile rbd-read-only";
    assert!(osd(ro, plain("p", "", "rbd_data.1", "r")));
    assert!(!osd(ro, plain("p", "", "rbd_data.1", "w")));
    assert!(osd(ro, call("rbd_header.1", "rbd", "child_attach", "rw")));
    assert!(!osd(ro, call("rbd_header.1", "rbd", "create", "rw")));
    assert!(OsdCaps::parse("allow *").unwrap().is_allow_all());
    assert!(!OsdCaps::parse("allow * pool=p").unwrap().is_allow_all());
}

/// What `ceph auth get-or-create` of 16.2.15 said to each text.
#[test]
fn the_grammar_agrees_with_a_real_monitor() {
    for (good, text) in [
        (false, "allow"),
        (false, "allow rwx pool"),
        (false, "allow rwx namespace=*"),
        (true, "allow rw pool 'p'"),
        (true, "allow pool p rw"),
        (true, "allow rw namespace=n tag cephfs data=*"),
        (true, "allow class rbd metadata_list"),
        (true, "allow rw class-read"),
        (true, "allow class-read object_prefix rbd_children, allow rwx pool=a"),
        (true, "profile rbd pool=a"),
        (false, "allow r tag x"),
        (true, "allow rw tag cephfs * = *"),
        (true, "allow r  pool=p"),
        (true, "profile rbd, profile rbd-read-only pool=b"),
        (false, "allow wr"),
    ] {
        assert_eq!(OsdCaps::parse(text).is_ok(), good, "osd {text:?}");
    }
    for (good, text) in [
        (false, "allow q"),
        (false, "allow r allow w"),
        (false, "allow r,"),
        (true, "allow command x with n regex '[a-c]+'"),
        (true, "allow service=config-key rw"),
        (false, "allow r; nonsense"),
        (true, "profile rbd"),
        (false, "allow wr"),
        (true, "allow r network 10.0.0.0/8"),
        (true, "allow r fsname=a"),
    ] {
        assert_eq!(MonCaps::parse(text).is_ok(), good, "mon {text:?}");
    }
}
