//! What an api-version looks like: a day, and perhaps a word such as `-preview` behind it.

use jiff::civil::{Date, date};

/// The first day whose versions are taken; Azure Machine Learning's own begin later in the same year.
const FIRST: Date = date(2018, 1, 1);

/// Whether a version is one of 2018 or later. Clients in other languages, and older ones, send many more than any list
/// of them has.
pub fn is_taken(version: &str) -> bool {
    day_of(version).is_some_and(|day| day >= FIRST)
}

/// The day that a version names; none when it is no version.
pub fn day_of(version: &str) -> Option<Date> {
    let (day, word) = version.split_at_checked(10)?;
    let fine = word.is_empty()
        || word.strip_prefix('-').is_some_and(|word| {
            !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        });
    fine.then(|| day.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_a_day_and_perhaps_a_word() {
        for version in
            ["2018-01-01", "2021-10-01-dataplanepreview", "2024-07-01-preview", "2026-05-01-PREVIEW"]
        {
            assert!(is_taken(version), "{version}");
        }
        for version in
            ["", "new", "2024-13-01", "2024-02-30", "2024-07-01preview", "2024-07-01-", "2024-07-0é"]
        {
            assert_eq!(day_of(version), None, "{version}");
        }
        assert!(day_of("2017-12-31").is_some() && !is_taken("2017-12-31"));
    }
}
