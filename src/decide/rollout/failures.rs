//! The revisions that failed: none of them is tried again.

use std::fmt;

use super::Revision;

/// The revisions that failed, the latest first. More than [`Failures::MOST`] are not remembered: the value
/// of a tag has 256 characters, and a status is not for history.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Failures(Vec<Revision>);

impl Failures {
    /// How many are remembered.
    pub const MOST: usize = 10;

    /// From the text that `Display` gives.
    pub fn parse(text: &str) -> Self {
        text.split_whitespace().map(Revision::parse).collect()
    }

    /// These, and after them the others that are not among them.
    #[must_use]
    pub fn then(self, others: Self) -> Self {
        self.0.into_iter().chain(others.0).collect()
    }

    /// These and the others, in the order in which they failed: what only the others know stands before the first that both know and
    /// that failed earlier, and without such a one at the end.
    #[must_use]
    pub fn with(self, others: Self) -> Self {
        let mut own = self.0.into_iter().peekable();
        let (mut all, mut unknown) = (vec![], vec![]);
        for other in others.0 {
            if own.clone().all(|it| it != other) {
                unknown.push(other);
                continue;
            }
            while let Some(later) = own.next_if(|it| *it != other) {
                all.push(later);
            }
            all.append(&mut unknown);
            all.push(other);
        }
        all.into_iter().chain(own).chain(unknown).collect()
    }

    /// Has this revision failed?
    pub fn contains(&self, revision: &Revision) -> bool {
        self.0.contains(revision)
    }

    /// The one that failed last.
    pub fn latest(&self) -> Option<&Revision> {
        self.0.first()
    }

    /// All of them, the latest first.
    pub fn iter(&self) -> impl Iterator<Item = &Revision> {
        self.0.iter()
    }
}

impl FromIterator<Revision> for Failures {
    fn from_iter<I: IntoIterator<Item = Revision>>(revisions: I) -> Self {
        let mut all: Vec<Revision> = vec![];
        for revision in revisions {
            if all.len() < Self::MOST && !all.contains(&revision) {
                all.push(revision);
            }
        }
        Self(all)
    }
}

impl fmt::Display for Failures {
    /// For a tag: `1cd4cf2814 34cf776b75`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&all.join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_two_remember_keeps_the_order_in_which_it_failed() {
        for (own, others, all) in [
            ("b a", "c b a", "c b a"),
            ("c b a", "b a", "c b a"),
            ("c a", "b a", "c b a"),
            ("b a", "c", "b a c"),
            ("b a", "", "b a"),
            ("", "b a", "b a"),
            ("c b a", "b d", "c b a d"),
        ] {
            assert_eq!(
                Failures::parse(own).with(Failures::parse(others)),
                Failures::parse(all),
                "{own} with {others}"
            );
        }
    }

    #[test]
    fn the_latest_comes_first_and_the_oldest_is_forgotten() {
        let old = Failures::parse("c b a");
        let all = Failures::parse("d b").then(old);
        assert_eq!(all.to_string(), "d b c a");
        assert_eq!(all.latest(), Some(&Revision::parse("d")));
        assert!(all.contains(&Revision::parse("a")) && !all.contains(&Revision::parse("e")));
        let many: Failures = (0..12).map(|n| Revision::parse(&format!("{n:010}"))).collect();
        assert_eq!(many.iter().count(), Failures::MOST);
        assert!(many.to_string().len() <= 256 && many.contains(&Revision::parse("0000000009")));
        assert_eq!(Failures::parse(&many.to_string()), many);
        assert_eq!(Failures::parse(""), Failures::default());
    }
}
