//! Traffic maps that can be written: they sum to 100, or are empty.

use std::collections::BTreeMap;
use std::fmt;

use crate::api::Candidate;
use crate::azure::model::resource::EndpointKind;

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

/// What a deployment gets of the requests: a part of them, or copies of a part whose answers nobody sees. Azure gives a
/// deployment one of the two at most. Any part of the requests themselves is more than any part of copies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Share {
    /// The part that the deployment answers.
    pub live: Weight,
    /// The part of which the deployment gets copies.
    pub mirror: Weight,
}

impl Share {
    pub const NONE: Self = Self::live(Weight::NONE);
    pub const ALL: Self = Self::live(Weight::ALL);

    /// So much of the traffic.
    pub const fn live(weight: Weight) -> Self {
        Self { live: weight, mirror: Weight::NONE }
    }

    /// Copies of so much of the traffic.
    pub const fn mirror(weight: Weight) -> Self {
        Self { live: Weight::NONE, mirror: weight }
    }

    /// What the status saw a candidate get.
    pub fn seen(candidate: &Candidate) -> Self {
        match (candidate.weight, candidate.mirror) {
            (0, Some(percent)) => Self::mirror(Weight::new(percent)),
            (weight, _) => Self::live(Weight::new(weight)),
        }
    }

    /// How much of the requests reaches the deployment, whoever sees the answers.
    pub fn load(self) -> Weight {
        self.live.max(self.mirror)
    }

    /// For a sentence: `10 % of the traffic`, or `copies of 10 % of the requests`.
    pub fn in_words(self) -> String {
        match self.mirror {
            Weight::NONE => format!("{} % of the traffic", self.live.percent()),
            mirror => format!("copies of {} % of the requests", mirror.percent()),
        }
    }
}

/// A traffic map by deployment. It sums to 100 or is empty, and names no deployment with nothing. Beside it, the deployment
/// that gets copies of requests, where one of Bindery's does.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Traffic {
    live: BTreeMap<String, i32>,
    mirror: Option<(String, i32)>,
}

impl Traffic {
    /// Nothing is served.
    pub fn none() -> Self {
        Self::default()
    }

    /// One deployment serves everything.
    pub fn all_to(deployment: &str) -> Self {
        Self { live: [(deployment.to_string(), 100)].into(), mirror: None }
    }

    /// The candidate has its share, the stable one the rest.
    pub fn split(stable: &str, candidate: &str, share: Share) -> Self {
        match (share.live.percent(), share.mirror.percent()) {
            (0, 0) => Self::all_to(stable),
            (0, copies) => Self { mirror: Some((candidate.into(), copies)), ..Self::all_to(stable) },
            (100, _) => Self::all_to(candidate),
            (w, _) => Self {
                live: [(stable.to_string(), 100 - w), (candidate.to_string(), w)].into(),
                mirror: None,
            },
        }
    }

    /// The map that Azure holds, without its zeros; none where it does not sum to 100.
    pub fn held(map: &BTreeMap<String, i32>) -> Option<Self> {
        let map: BTreeMap<String, i32> =
            map.iter().filter(|(_, w)| **w > 0).map(|(n, w)| (n.clone(), *w)).collect();
        let sum: i32 = map.values().sum();
        (sum == 100 || map.is_empty()).then_some(Self { live: map, mirror: None })
    }

    /// The same, where this deployment gets copies of so much of the requests.
    #[must_use]
    pub fn mirrored(self, deployment: &str, percent: i32) -> Self {
        let takes = percent > 0 && !self.live.contains_key(deployment);
        Self { mirror: takes.then(|| (deployment.into(), percent)), ..self }
    }

    /// From the text that `Display` gives.
    pub fn parse(text: &str) -> Option<Self> {
        let (mut map, mut mirror) = (BTreeMap::new(), None);
        let percent = |text: &str, most: i32| text.parse().ok().filter(|w| (1..=most).contains(w));
        for part in text.split(' ').filter(|p| !p.is_empty()) {
            if let Some((name, weight)) = part.split_once('~') {
                mirror = Some((name, percent(weight, 50)?));
                continue;
            }
            let (name, weight) = part.split_once('=')?;
            map.insert(name.to_string(), percent(weight, 100)?);
        }
        let held = Self::held(&map)?;
        Some(match mirror {
            Some((name, percent)) => held.mirrored(name, percent),
            None => held,
        })
    }

    /// The weight of a deployment.
    pub fn weight(&self, deployment: &str) -> Weight {
        Weight(self.live.get(deployment).copied().unwrap_or(0))
    }

    /// What a deployment gets.
    pub fn share(&self, deployment: &str) -> Share {
        match &self.mirror {
            Some((name, percent)) if name == deployment => Share::mirror(Weight::new(*percent)),
            _ => Share::live(self.weight(deployment)),
        }
    }

    /// The deployments that serve, heaviest first.
    pub fn serving(&self) -> Vec<&str> {
        let mut all: Vec<(&String, &i32)> = self.live.iter().collect();
        all.sort_by_key(|(name, weight)| (-**weight, (*name).clone()));
        all.into_iter().map(|(name, _)| name.as_str()).collect()
    }

    /// The deployments that requests reach: those that serve, and the one that gets copies.
    pub fn reached(&self) -> Vec<&str> {
        self.serving().into_iter().chain(self.mirror.iter().map(|(name, _)| name.as_str())).collect()
    }

    /// As Azure takes it.
    pub fn to_map(&self) -> BTreeMap<String, i32> {
        self.live.clone()
    }

    /// The deployment that gets copies, as Azure takes it.
    pub fn to_mirror(&self) -> Option<(&str, i32)> {
        self.mirror.as_ref().map(|(name, percent)| (name.as_str(), *percent))
    }

    /// For people, of an endpoint of this kind: as [`Self::in_words`], or the name of the default deployment.
    pub fn said_of(&self, kind: EndpointKind) -> String {
        match (kind, self.serving().first()) {
            (EndpointKind::Batch, Some(default)) => (*default).to_string(),
            (EndpointKind::Batch, None) => "none".into(),
            (EndpointKind::Online, _) => self.in_words(),
        }
    }

    /// For people: `v2 90%, v3 10%`, the heaviest first; `v2 100%, v3 10% mirrored`.
    pub fn in_words(&self) -> String {
        if *self == Self::none() {
            return "none".into();
        }
        let live = self.serving().into_iter().map(|n| format!("{n} {}%", self.weight(n).percent()));
        let mirror = self.mirror.iter().map(|(name, percent)| format!("{name} {percent}% mirrored"));
        live.chain(mirror).collect::<Vec<_>>().join(", ")
    }
}

impl fmt::Display for Traffic {
    /// For a tag: `v2=90 v3=10`, or `v2=100 v3~10` where v3 gets copies; empty where nothing is served.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let live = self.live.iter().map(|(name, weight)| format!("{name}={weight}"));
        let mirror = self.mirror.iter().map(|(name, percent)| format!("{name}~{percent}"));
        f.write_str(&live.chain(mirror).collect::<Vec<_>>().join(" "))
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
            let traffic = Traffic::split("stable", "candidate", Share::live(Weight::new(weight)));
            assert_eq!(Traffic::parse(&traffic.to_string()), Some(traffic.clone()));
            assert_eq!(traffic.weight("candidate").percent(), weight);
            assert_eq!(traffic.weight("stable").percent(), 100 - weight);
            assert!(traffic.to_map().values().all(|w| *w > 0));
        }
        for percent in 1..=50 {
            let share = Share::mirror(Weight::new(percent));
            let traffic = Traffic::split("stable", "candidate", share);
            assert_eq!(Traffic::parse(&traffic.to_string()), Some(traffic.clone()));
            assert_eq!((traffic.share("candidate"), traffic.weight("stable")), (share, Weight::ALL));
            assert_eq!(traffic.to_mirror(), Some(("candidate", percent)));
        }
        for nonsense in [
            "a",
            "a=",
            "a=x",
            "a=50",
            "a=0 b=100",
            "a=101",
            "a=-1 b=101",
            "a=100 b~51",
            "a=100 b~0",
            "a=100 b~",
        ] {
            assert_eq!(Traffic::parse(nonsense), None, "{nonsense}");
        }
        assert_eq!(Traffic::parse(""), Some(Traffic::none()));
    }

    proptest! {
        #![proptest_config(crate::decide::fixtures::same_every_time())]

        /// Whatever Azure or a tag says: what becomes a `Traffic` can be written.
        #[test]
        fn every_traffic_can_be_written(text in "([a-c]([=~][0-9-]{0,4})? ?){0,4}", map in proptest::collection::btree_map("[a-c]", -10..120i32, 0..4)) {
            for traffic in [Traffic::parse(&text), Traffic::held(&map)].into_iter().flatten() {
                let all = traffic.to_map();
                prop_assert!(all.is_empty() || all.values().sum::<i32>() == 100, "{all:?}");
                prop_assert!(all.values().all(|w| (1..=100).contains(w)), "{all:?}");
                let copies = traffic.to_mirror();
                prop_assert!(copies.is_none_or(|(name, p)| (1..=50).contains(&p) && !all.contains_key(name)));
                prop_assert_eq!(Traffic::parse(&traffic.to_string()), Some(traffic));
            }
        }
    }

    #[test]
    fn people_read_the_heaviest_first() {
        assert_eq!(Traffic::split("v1", "v2", Share::live(Weight::new(90))).in_words(), "v2 90%, v1 10%");
        let copies = Share::mirror(Weight::new(10));
        assert_eq!(Traffic::split("v1", "v2", copies).in_words(), "v1 100%, v2 10% mirrored");
        assert_eq!(Traffic::none().in_words(), "none");
    }
}
