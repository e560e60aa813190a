//! Answers to operators, in the words of Ceph's monitor.

use crate::world::World;

const EINVAL: i32 = -22;

#[test]
fn the_tree_shows_the_osds_in_the_states_asked_for() {
    let mut w = World::new(4);
    let peer = w.add_client();
    for osd in 0..4 {
        let place = format!(
            r#"{{"prefix":"osd crush add","id":{osd},"weight":1.0,"args":["root=default","host=h{}"]}}"#,
            osd / 2
        );
        assert_eq!(w.command(peer, &place).0, 0);
    }
    assert_eq!(w.command(peer, r#"{"prefix":"osd in","ids":["0","2"]}"#).0, 0);
    let destroy = r#"{"prefix":"osd destroy","id":3,"yes_i_really_mean_it":true}"#;
    assert_eq!(w.command(peer, destroy).0, 0);
    let mut tree = |states: &str| {
        let (code, text) =
            w.command(peer, &format!(r#"{{"prefix":"osd tree","states":[{states}]}}"#));
        let names = text
            .split_whitespace()
            .filter(|word| word.starts_with("osd.") || matches!(*word, "h0" | "h1" | "default"));
        (code, if code == 0 { names.collect::<Vec<_>>().join(" ") } else { text.clone() })
    };
    let shows = |names: &str| (0, names.to_owned());
    assert_eq!(tree(""), shows("default h0 osd.0 osd.1 h1 osd.2 osd.3"));
    assert_eq!(tree(r#""up""#), shows(""));
    assert_eq!(tree(r#""down""#), shows("default h0 osd.0 osd.1 h1 osd.2"));
    assert_eq!(tree(r#""destroyed""#), shows("default h1 osd.3"));
    assert_eq!(tree(r#""down","in""#), shows("default h0 osd.0 h1 osd.2"));
    assert_eq!(tree(r#""down","out""#), shows("default h0 osd.1"));
    let one = "can specify only one of 'up', 'down' and 'destroyed'".to_owned();
    assert_eq!(tree(r#""up","down""#), (EINVAL, one));
    let both = "cannot specify both 'in' and 'out'".to_owned();
    assert_eq!(tree(r#""in","out""#), (EINVAL, both));
}

#[test]
fn osd_stat_tells_flags_that_not_every_map_has() {
    let mut w = World::new(2);
    let peer = w.add_client();
    let stat = r#"{"prefix":"osd stat"}"#;
    assert_eq!(w.command(peer, stat).1.trim_end(), "2 osds: 0 up, 0 in; epoch: e1");
    for key in ["noscrub", "noup"] {
        assert_eq!(w.command(peer, &format!(r#"{{"prefix":"osd set","key":"{key}"}}"#)).0, 0);
    }
    let said = w.command(peer, stat).1;
    assert_eq!(said.trim_end(), "2 osds: 0 up, 0 in; epoch: e3\nflags noup,noscrub");
}

/// Command, code, and how the answer begins, one after another.
#[test]
fn answers_have_the_words_and_codes_of_the_real_ones() {
    let mut w = World::new(2);
    let peer = w.add_client();
    let place = r#""weight":1.0,"args":["root=default","host=h"]}"#;
    let at = "item id 0 name 'osd.0' weight 1 at location {host=h,root=default}";
    let moved = "item name 'osd.0' weight 1 at location {host=h2,root=default} to crush map";
    let crush =
        |command: &str, id: u32| format!(r#"{{"prefix":"osd crush {command}","id":{id},{place}"#);
    let to_h2 = crush("create-or-move", 0).replace("host=h", "host=h2");
    let plain = |rest: &str| format!("{{{rest}}}");
    for (command, code, begins) in [
        (
            crush("set", 7),
            -2,
            "osd.7 does not exist. Create it before updating the crush map".into(),
        ),
        (crush("add", 0), 0, format!("add {at} to crush map")),
        (crush("add", 0), 0, format!("set {at}: no change")),
        (crush("set", 0), 0, format!("set {at}: no change")),
        (to_h2.clone(), 0, format!("create-or-move updating {moved}")),
        (to_h2, 0, format!("create-or-move updated {moved}")),
        (plain(r#""prefix":"config-key rm","key":"no""#), 0, "key deleted".to_owned()),
        (plain(r#""prefix":"osd safe-to-destroy","ids":["0"]"#), 0, "OSD(s) 0 are safe".to_owned()),
        (plain(r#""prefix":"osd count-metadata","property":"x""#), 0, "{}".to_owned()),
        (
            plain(r#""prefix":"osd numa-status""#),
            0,
            "OSD  HOST  NETWORK  STORAGE  AFFINITY  CPUS".to_owned(),
        ),
        (plain(r#""prefix":"pg ls""#), 0, "PG  OBJECTS  DEGRADED  MISPLACED  UNFOUND".to_owned()),
        (
            plain(r#""prefix":"node ls","type":"mon","format":"json""#),
            0,
            r#"{"monhost":["a"]}"#.into(),
        ),
    ] {
        let (found, said) = w.command(peer, &command);
        assert_eq!(found, code, "{command}: {said}");
        assert!(said.starts_with(&begins), "{command}: {said}");
    }
}

#[test]
fn the_report_has_the_sections_of_the_real_one_in_order() {
    let mut w = World::new(2);
    let peer = w.add_client();
    let (code, text) = w.command(peer, r#"{"prefix":"report","format":"json"}"#);
    assert_eq!(code, 0);
    let report: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let keys: Vec<&str> = report.as_object().expect("an object").keys().map(|k| &**k).collect();
    let sections = [
        "cluster_fingerprint version commit timestamp tag health monmap_first_committed",
        "monmap_last_committed monmap quorum osdmap osd_metadata osdmap_first_committed",
        "osdmap_last_committed crushmap auth num_pg num_pg_active num_pg_unknown num_osd pool_sum",
        "osd_sum pool_stats osd_stats num_pg_by_state num_pg_by_osd servicemap",
    ];
    assert_eq!(keys.join(" "), sections.join(" "));
    assert_eq!(report["auth"]["num_secrets"], 4);
    assert!(report["osd_sum"]["kb"].is_number() && report["pool_sum"]["stat_sum"].is_object());
}
