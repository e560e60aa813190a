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
