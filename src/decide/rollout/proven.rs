use crate::api::{Outcome, PastRollout};

/// How many revisions that were stable before count as proven, where nothing says it.
const WINDOW: i32 = 3;

/// Is this one of the last revisions that were stable here before another one took over, by `spec.strategy.rollbackWindow`? Not
/// after somebody has gone back by a word, and not what was rolled back so: nobody has proved that since.
pub fn is_proven(history: &[PastRollout], revision: &str, window: Option<i32>) -> bool {
    let window = usize::try_from(window.unwrap_or(WINDOW)).unwrap_or(0);
    let mut before: Vec<&PastRollout> = vec![];
    for it in history.iter().filter(|it| it.outcome.serves()) {
        if before.iter().all(|known| known.revision != it.revision) {
            before.push(it);
        }
    }
    let by_a_word = before.first().is_none_or(|it| it.outcome == Outcome::RolledBack);
    let within = before.iter().skip(1).take(window).any(|it| it.revision == revision);
    let last = history.iter().find(|it| it.revision == revision && it.outcome != Outcome::Superseded);
    let failed = last.is_some_and(|it| !it.outcome.serves());
    within && !by_a_word && !was_rolled_back(history, revision) && !failed
}

/// Did this revision serve until somebody went back from it to another one?
pub fn was_rolled_back(history: &[PastRollout], revision: &str) -> bool {
    let serving: Vec<&PastRollout> = history.iter().filter(|it| it.outcome.serves()).collect();
    let served = serving.iter().position(|it| it.revision == revision);
    let newer = served.and_then(|at| at.checked_sub(1)).and_then(|at| serving.get(at));
    newer.is_some_and(|it| it.outcome == Outcome::RolledBack)
}
