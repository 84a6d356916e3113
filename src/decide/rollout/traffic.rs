//! Traffic maps that can be written: they sum to 100, or are empty.

use std::collections::BTreeMap;
use std::fmt;

/// A share of the traffic in percent, 0 to 100.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Weight(i32);

impl Weight {
    pub const NONE: Self = Self(0);
    pub const ALL: Self = Self(100);

    /// A weight from a number; anything outside becomes the nearest one inside.
    pub fn new(percent: i32) -> Self {
        Self(percent.clamp(0, 100))
    }

    pub fn percent(self) -> i32 {
        self.0
    }
}

/// A traffic map by deployment. It sums to 100 or is empty, and names no deployment with nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Traffic(BTreeMap<String, i32>);

impl Traffic {
    /// Nothing is served.
    pub fn none() -> Self {
        Self::default()
    }

    /// One deployment serves everything.
    pub fn all_to(deployment: &str) -> Self {
        Self([(deployment.to_string(), 100)].into())
    }

    /// The candidate has its weight, the stable one the rest.
    pub fn split(stable: &str, candidate: &str, weight: Weight) -> Self {
        match weight.percent() {
            0 => Self::all_to(stable),
            100 => Self::all_to(candidate),
            w => Self([(stable.to_string(), 100 - w), (candidate.to_string(), w)].into()),
        }
    }

    /// The map that Azure holds, without its zeros; none where it does not sum to 100.
    pub fn held(map: &BTreeMap<String, i32>) -> Option<Self> {
        let map: BTreeMap<String, i32> =
            map.iter().filter(|(_, w)| **w > 0).map(|(n, w)| (n.clone(), *w)).collect();
        let sum: i32 = map.values().sum();
        (sum == 100 || map.is_empty()).then_some(Self(map))
    }

    /// From the text that `Display` gives.
    pub fn parse(text: &str) -> Option<Self> {
        let mut map = BTreeMap::new();
        for part in text.split(' ').filter(|p| !p.is_empty()) {
            let (name, weight) = part.split_once('=')?;
            map.insert(name.to_string(), weight.parse().ok().filter(|w| (1..=100).contains(w))?);
        }
        Self::held(&map)
    }

    /// The weight of a deployment.
    pub fn weight(&self, deployment: &str) -> Weight {
        Weight(self.0.get(deployment).copied().unwrap_or(0))
    }

    /// The deployments that serve, heaviest first.
    pub fn serving(&self) -> Vec<&str> {
        let mut all: Vec<(&String, &i32)> = self.0.iter().collect();
        all.sort_by_key(|(name, weight)| (-**weight, (*name).clone()));
        all.into_iter().map(|(name, _)| name.as_str()).collect()
    }

    /// As Azure takes it.
    pub fn to_map(&self) -> BTreeMap<String, i32> {
        self.0.clone()
    }

    /// For people: `v2 90%, v3 10%`, the heaviest first.
    pub fn in_words(&self) -> String {
        if self.0.is_empty() {
            return "none".into();
        }
        let parts: Vec<String> =
            self.serving().into_iter().map(|n| format!("{n} {}%", self.weight(n).percent())).collect();
        parts.join(", ")
    }
}

impl fmt::Display for Traffic {
    /// For a tag: `v2=90 v3=10`; empty where nothing is served.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts: Vec<String> = self.0.iter().map(|(name, weight)| format!("{name}={weight}")).collect();
        f.write_str(&parts.join(" "))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn held(weights: &[(&str, i32)]) -> Option<String> {
        let map = weights.iter().map(|(n, w)| ((*n).to_string(), *w)).collect();
        Traffic::held(&map).map(|t| t.to_string())
    }

    #[test]
    fn a_map_sums_to_100_or_is_empty() {
        let table = [
            (vec![], Some("")),
            (vec![("a", 0)], Some("")),
            (vec![("a", 100), ("b", 0)], Some("a=100")),
            (vec![("b", 10), ("a", 90)], Some("a=90 b=10")),
            (vec![("a", 90)], None),
            (vec![("a", 90), ("b", 20)], None),
            (vec![("a", 110), ("b", -10)], None),
        ];
        for (weights, expected) in table {
            assert_eq!(held(&weights).as_deref(), expected, "{weights:?}");
        }
    }

    #[test]
    fn what_a_tag_says_is_read_back() {
        for weight in 0..=100 {
            let traffic = Traffic::split("stable", "candidate", Weight::new(weight));
            assert_eq!(Traffic::parse(&traffic.to_string()), Some(traffic.clone()));
            assert_eq!(traffic.weight("candidate").percent(), weight);
            assert_eq!(traffic.weight("stable").percent(), 100 - weight);
            assert!(traffic.to_map().values().all(|w| *w > 0));
        }
        for nonsense in ["a", "a=", "a=x", "a=50", "a=0 b=100", "a=101", "a=-1 b=101"] {
            assert_eq!(Traffic::parse(nonsense), None, "{nonsense}");
        }
        assert_eq!(Traffic::parse(""), Some(Traffic::none()));
    }

    proptest! {
        #![proptest_config(crate::decide::fixtures::same_every_time())]

        /// Whatever Azure or a tag says: what becomes a `Traffic` can be written.
        #[test]
        fn every_traffic_can_be_written(text in "([a-c](=[0-9-]{0,4})? ?){0,4}", map in proptest::collection::btree_map("[a-c]", -10..120i32, 0..4)) {
            for traffic in [Traffic::parse(&text), Traffic::held(&map)].into_iter().flatten() {
                let all = traffic.to_map();
                prop_assert!(all.is_empty() || all.values().sum::<i32>() == 100, "{all:?}");
                prop_assert!(all.values().all(|w| (1..=100).contains(w)), "{all:?}");
                prop_assert_eq!(Traffic::parse(&traffic.to_string()), Some(traffic));
            }
        }
    }

    #[test]
    fn people_read_the_heaviest_first() {
        assert_eq!(Traffic::split("v1", "v2", Weight::new(90)).in_words(), "v2 90%, v1 10%");
        assert_eq!(Traffic::none().in_words(), "none");
    }
}
