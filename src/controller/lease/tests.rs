use super::*;

const REQUEST: u64 = 30;

fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn terms() -> Terms {
    Terms::new(s(15), s(10), s(2), s(REQUEST)).expect("terms that fit")
}

fn election(me: &str) -> Election {
    Election::new(me.into(), terms())
}

fn record(holder: Holder, version: &str) -> Record {
    Record { holder, duration: s(15), transitions: 4, version: version.into() }
}

fn held_by(holder: &str, version: &str) -> Record {
    record(Holder::Process(holder.into()), version)
}

/// Reads the record at this time, and writes it where that is the next step.
fn turn(election: &mut Election, at: Duration, found: impl Into<Option<Record>>) -> Option<Claim> {
    let mut step = election.next(at);
    if step == Step::Read {
        election.read(at, Ok(found.into()));
        step = election.next(at);
    }
    match step {
        Step::Write(claim) => Some(claim),
        _ => None,
    }
}

/// From when `me` may write to the cluster and to Azure, after it has found this at 100 s and its write was taken at once.
fn begins(found: impl Into<Option<Record>>) -> Option<(u64, u64)> {
    let mut me = election("me");
    turn(&mut me, s(100), found)?;
    me.wrote(s(100), Written::Taken("2".into()));
    me.lead(s(100)).map(|lead| (lead.from.as_secs(), lead.calls_from.as_secs()))
}

/// One that leads since 100 s, after the record was released.
fn leader() -> Election {
    let mut me = election("me");
    turn(&mut me, s(100), Some(record(Holder::Released, "1"))).expect("a claim");
    me.wrote(s(100), Written::Taken("2".into()));
    me
}

#[test]
fn periods_fit_each_other() {
    for (duration, renew, retry, fits) in [
        (15, 10, 2, true),
        (60, 40, 15, true),
        (12, 10, 2, true),
        (11, 10, 2, false),
        (10, 15, 2, false),
        (15, 10, 5, false),
        (15, 10, 0, false),
    ] {
        let terms = Terms::new(s(duration), s(renew), s(retry), s(REQUEST));
        assert_eq!(terms.is_ok(), fits, "{duration} {renew} {retry}: {terms:?}");
    }
}

#[test]
fn from_when_a_new_holder_may_write_depends_on_who_was_there_before() {
    assert_eq!(begins(Some(record(Holder::Released, "1"))), Some((100, 100)), "nothing is under way");
    // Somebody may have removed the record under a holder that has not noticed yet.
    assert_eq!(begins(None::<Record>), Some((115, 145)));
    assert_eq!(begins(Some(record(Holder::Unknown, "1"))), Some((115, 145)));
    assert_eq!(begins(held_by("other", "1")), None, "it was seen for the first time");
}

#[test]
fn another_takes_over_when_it_has_seen_the_record_unchanged_for_the_whole_duration() {
    let mut me = election("me");
    assert_eq!(turn(&mut me, s(100), held_by("other", "1")), None);
    assert_eq!(me.next(s(100)), Step::Wait(s(102)));
    assert_eq!(
        turn(&mut me, s(114), held_by("other", "2")),
        None,
        "it has changed, and the time begins anew"
    );
    assert_eq!(turn(&mut me, s(128), held_by("other", "2")), None);
    assert_eq!(me.next(s(128)), Step::Wait(s(129)), "not a retry period later than it may");
    let claim = turn(&mut me, s(129), held_by("other", "2")).expect("a claim");
    let expected = Claim {
        over: Some("2".into()),
        holder: Holder::Process("me".into()),
        duration: s(15),
        transitions: 5,
        changes_hands: true,
    };
    assert_eq!(claim, expected);
    assert_eq!(me.lead(s(129)), None, "nobody has taken the write yet");
    me.wrote(s(130), Written::Taken("3".into()));
    let lead = me.lead(s(130));
    assert_eq!(lead, Some(Lead { from: s(129), calls_from: s(129 + REQUEST), until: s(139) }));
}

#[test]
fn the_holder_says_how_long_it_is_left_alone() {
    let mut me = election("me");
    let slow = || Some(Record { duration: s(60), ..record(Holder::Process("other".into()), "1") });
    assert_eq!(turn(&mut me, s(100), slow()), None);
    assert_eq!(turn(&mut me, s(159), slow()), None);
    assert!(turn(&mut me, s(160), slow()).is_some());
}

#[test]
fn a_holder_renews_without_a_read_and_counts_from_when_it_asked() {
    let mut me = leader();
    assert_eq!(me.next(s(101)), Step::Wait(s(102)));
    let Step::Write(claim) = me.next(s(103)) else { unreachable!("it is time to renew") };
    assert_eq!((claim.over.as_deref(), claim.transitions, claim.changes_hands), (Some("2"), 5, false));
    me.wrote(s(107), Written::Taken("3".into()));
    assert_eq!(me.lead(s(107)), Some(Lead { from: s(100), calls_from: s(100), until: s(113) }));
}

#[test]
fn without_renewing_a_holder_stops() {
    for answer in [Written::Unanswered, Written::Conflict] {
        let mut me = leader();
        assert!(matches!(me.next(s(102)), Step::Write(_)));
        me.wrote(s(103), answer);
        assert!(me.lead(s(109)).is_some());
        me.read(s(109), Err(()));
        assert_eq!(me.lead(s(110)), None);
    }
}

#[test]
fn whoever_reads_that_it_does_not_hold_the_record_stops_at_once() {
    for found in [None, Some(held_by("other", "3")), Some(record(Holder::Released, "3"))] {
        let mut me = leader();
        assert!(matches!(me.next(s(102)), Step::Write(_)));
        me.wrote(s(102), Written::Conflict);
        assert_eq!(me.next(s(102)), Step::Read);
        me.read(s(103), Ok(found));
        assert_eq!(me.lead(s(103)), None);
    }
}

#[test]
fn one_that_was_late_and_was_not_replaced_waits_out_its_own_requests() {
    let mut me = leader();
    assert!(matches!(me.next(s(102)), Step::Write(_)));
    me.wrote(s(104), Written::Unanswered);
    // It was stopped for a while, and notices at 117 s.
    assert!(turn(&mut me, s(117), held_by("me", "3")).is_some());
    me.wrote(s(118), Written::Taken("4".into()));
    assert_eq!(me.lead(s(118)), Some(Lead { from: s(117), calls_from: s(117 + REQUEST), until: s(127) }));
}

#[test]
fn a_lost_answer_to_a_take_over_makes_it_no_shorter() {
    for (found, begin) in [(None, (115, 145)), (Some(record(Holder::Released, "1")), (100, 100))] {
        let mut me = election("me");
        assert!(turn(&mut me, s(100), found).is_some());
        me.wrote(s(105), Written::Unanswered);
        assert_eq!(me.lead(s(105)), None);
        assert!(turn(&mut me, s(107), held_by("me", "2")).is_some());
        me.wrote(s(107), Written::Taken("3".into()));
        let lead = me.lead(s(107)).expect("it leads");
        assert_eq!((lead.from.as_secs(), lead.calls_from.as_secs(), lead.until), (begin.0, begin.1, s(117)));
    }
}

#[test]
fn only_a_leader_that_nothing_is_under_way_of_releases() {
    let mut me = leader();
    let released = me.release(s(103)).expect("it leads");
    assert_eq!((released.holder, released.over.as_deref()), (Holder::Released, Some("2")));
    assert_eq!(me.lead(s(103)), None, "it has stopped itself");
    assert_eq!(leader().release(s(110)), None, "it may have been replaced");
    let mut heir = election("me");
    turn(&mut heir, s(85), held_by("other", "1"));
    turn(&mut heir, s(100), held_by("other", "1")).expect("a claim");
    heir.wrote(s(100), Written::Taken("2".into()));
    assert!(heir.lead(s(105)).is_some_and(|lead| lead.holds(s(105))));
    assert_eq!(heir.release(s(105)), None, "a request of whoever was there before may be under way");
    assert_eq!(election("me").release(s(0)), None);
}
