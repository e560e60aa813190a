//! Ceph's releases, as maps name them in one byte.

/// `ceph_release_t`: 0 is "unknown", 12 luminous, 16 pacific.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Release(pub u8);

impl Release {
    pub const UNKNOWN: Self = Self(0);
    pub const JEWEL: Self = Self(10);
    pub const KRAKEN: Self = Self(11);
    pub const LUMINOUS: Self = Self(12);
    pub const MIMIC: Self = Self(13);
    pub const NAUTILUS: Self = Self(14);
    pub const OCTOPUS: Self = Self(15);
    pub const PACIFIC: Self = Self(16);
    /// In an incremental: no change.
    pub const UNCHANGED: Self = Self(0xff);

    const NAMES: [&str; 17] = [
        "unknown",
        "argonaut",
        "bobtail",
        "cuttlefish",
        "dumpling",
        "emperor",
        "firefly",
        "giant",
        "hammer",
        "infernalis",
        "jewel",
        "kraken",
        "luminous",
        "mimic",
        "nautilus",
        "octopus",
        "pacific",
    ];

    /// The lower-case name; "unknown" for a number that Pacific has no name for.
    pub fn name(self) -> &'static str {
        Self::NAMES.get(self.0 as usize).copied().unwrap_or("unknown")
    }

    pub fn from_name(name: &str) -> Option<Self> {
        let at = Self::NAMES.iter().skip(1).position(|n| *n == name)?;
        Some(Self(at as u8 + 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_agree() {
        assert_eq!(Release::PACIFIC.name(), "pacific");
        assert_eq!(Release::from_name("luminous"), Some(Release::LUMINOUS));
        assert_eq!(Release::from_name("unknown"), None);
        assert_eq!(Release::UNCHANGED.name(), "unknown");
    }
}
