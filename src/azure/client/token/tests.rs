use std::sync::atomic::{AtomicU64, Ordering};

use super::*;

/// Entra ID as a test wants it: how often it was asked, what it answers, and how long that takes.
#[derive(Clone)]
struct Entra {
    asked: Arc<AtomicU64>,
    answer: Arc<Mutex<Result<Duration, Error>>>,
    takes: Duration,
}

const HOUR: Duration = Duration::from_secs(3600);

impl Entra {
    fn new(answer: Result<Duration, Error>) -> Self {
        Self { asked: Arc::default(), answer: Arc::new(Mutex::new(answer)), takes: Duration::from_secs(1) }
    }

    fn says(&self, answer: Result<Duration, Error>) {
        *self.answer.lock().expect("not poisoned") = answer;
    }

    fn asked(&self) -> u64 {
        self.asked.load(Ordering::Relaxed)
    }

    fn source(&self) -> TokenSource {
        let entra = self.clone();
        TokenSource::new(
            "Somebody".into(),
            Box::new(move || {
                let entra = entra.clone();
                Box::pin(async move {
                    let number = entra.asked.fetch_add(1, Ordering::Relaxed) + 1;
                    tokio::time::sleep(entra.takes).await;
                    let answer = entra.answer.lock().expect("not poisoned").clone();
                    answer.map(|lifetime| Fetched { secret: format!("token {number}"), lifetime })
                })
            }),
            Metrics::default(),
        )
    }
}

fn error(class: Class) -> Error {
    Error::new(class, "no")
}

async fn text(source: &TokenSource) -> Result<String, Class> {
    let token = source.get().await;
    token.map(|t| t.secret.to_string()).map_err(|e| e.class)
}

async fn after(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}

fn token(number: u64) -> String {
    format!("token {number}")
}

#[tokio::test(start_paused = true)]
async fn many_callers_share_one_request() {
    let entra = Entra::new(Ok(HOUR));
    let source = entra.source();
    let all = futures::future::join_all((0..50).map(|_| text(&source))).await;
    assert!(all.iter().all(|t| *t == Ok(token(1))));
    assert_eq!(entra.asked(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_valid_token_is_used_while_a_new_one_is_fetched() {
    let mut entra = Entra::new(Ok(HOUR));
    entra.takes = Duration::from_secs(10);
    let source = entra.source();
    assert_eq!(text(&source).await, Ok(token(1)));
    after(2699).await;
    assert_eq!((text(&source).await, entra.asked()), (Ok(token(1)), 1));
    after(1).await;
    let start = Instant::now();
    assert_eq!(text(&source).await, Ok(token(1)));
    assert_eq!(text(&source).await, Ok(token(1)));
    assert_eq!(start.elapsed(), Duration::ZERO);
    after(11).await;
    assert_eq!((text(&source).await, entra.asked()), (Ok(token(2)), 2));
}

#[tokio::test(start_paused = true)]
async fn a_valid_token_outlives_a_failing_renewal() {
    let entra = Entra::new(Ok(HOUR));
    let source = entra.source();
    assert_eq!(text(&source).await, Ok(token(1)));
    entra.says(Err(error(Class::Transient)));
    after(2700).await;
    for _ in 0..800 {
        assert_eq!(text(&source).await, Ok(token(1)));
        after(1).await;
    }
    // 800 calls, but a doubling back-off: 1, 2, 4, 8, 16, 30, 30, …, each with 1 s for the answer.
    assert!(entra.asked() < 35, "{}", entra.asked());
    after(40).await;
    assert_eq!(text(&source).await, Err(Class::Transient));
}

#[tokio::test(start_paused = true)]
async fn a_bad_credential_is_not_hammered_and_a_mended_one_is_noticed() {
    let entra = Entra::new(Err(error(Class::Credential)));
    let source = entra.source();
    for _ in 0..600 {
        assert_eq!(text(&source).await, Err(Class::Credential));
        after(1).await;
    }
    // 5, 10, 20, 40, 80, 120, 120, … seconds.
    assert!((7..=10).contains(&entra.asked()), "{}", entra.asked());
    entra.says(Ok(HOUR));
    after(120).await;
    assert!(text(&source).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_throttled_request_says_how_long_is_left() {
    let wait = Duration::from_secs(60);
    let entra = Entra::new(Err(error(Class::Throttled(wait))));
    let source = entra.source();
    assert_eq!(text(&source).await, Err(Class::Throttled(wait)));
    after(20).await;
    let left = Duration::from_secs(40);
    assert_eq!(text(&source).await, Err(Class::Throttled(left)));
    assert_eq!(entra.asked(), 1);
}

#[tokio::test(start_paused = true)]
async fn no_answer_is_not_waited_for_endlessly() {
    let mut entra = Entra::new(Ok(HOUR));
    entra.takes = HOUR;
    let source = entra.source();
    let start = Instant::now();
    assert_eq!(text(&source).await, Err(Class::Transient));
    assert_eq!(start.elapsed(), TIMEOUT);
}

async fn token_of(source: &TokenSource) -> Token {
    source.get().await.unwrap_or_else(|_| unreachable!())
}

#[tokio::test(start_paused = true)]
async fn a_token_that_has_run_out_is_replaced_for_everybody_at_once() {
    let entra = Entra::new(Ok(HOUR));
    let source = entra.source();
    let first = token_of(&source).await;
    source.accepted(&first);
    assert!(source.refused(&first, true, true).await);
    // The second request with the same token must not throw the new one away.
    let second = token_of(&source).await;
    source.accepted(&second);
    assert!(source.refused(&first, true, true).await);
    assert_eq!((text(&source).await, entra.asked()), (Ok(token(2)), 2));
    // Whoever has just refused another one says nothing about this one.
    assert!(!source.refused(&second, true, false).await);
    after(60).await;
    assert!(source.refused(&second, true, false).await);
    assert_eq!((text(&source).await, entra.asked()), (Ok(token(3)), 3));
}

#[tokio::test(start_paused = true)]
async fn a_token_that_others_take_is_used_whatever_one_of_them_says() {
    let entra = Entra::new(Ok(HOUR));
    let source = entra.source();
    let first = token_of(&source).await;
    // Nobody has taken it yet: it may be the token's fault.
    assert!(source.refused(&first, false, true).await);
    let second = token_of(&source).await;
    source.accepted(&second);
    for first in [true, false] {
        assert!(!source.refused(&second, false, first).await);
    }
    assert_eq!((text(&source).await, entra.asked()), (Ok(token(2)), 2));
    // After a minute one more opinion is asked for, while everybody goes on with this one.
    after(60).await;
    let (helps, meanwhile) = tokio::join!(source.refused(&second, false, true), text(&source));
    assert_eq!((helps, meanwhile), (true, Ok(token(2))));
    assert_eq!((text(&source).await, entra.asked()), (Ok(token(3)), 3));
    // Where Entra ID gives no other, nobody else hears of it.
    after(60).await;
    entra.says(Err(error(Class::Credential)));
    let third = token_of(&source).await;
    assert!(!source.refused(&third, false, true).await);
    assert_eq!(text(&source).await, Ok(token(3)));
}

#[tokio::test(start_paused = true)]
async fn a_token_that_has_ended_already_is_not_asked_for_with_every_request() {
    let entra = Entra::new(Ok(Duration::ZERO));
    let source = entra.source();
    let said = source.get().await.err().map(|error| error.message);
    let expected =
        "Entra ID gave a token that ends in 0 s, or has ended. The clock of this machine may be wrong.";
    assert_eq!(said.as_deref(), Some(expected));
    for _ in 0..600 {
        assert_eq!(text(&source).await, Err(Class::Credential));
        after(1).await;
    }
    assert!(entra.asked() <= 10, "{}", entra.asked());
    // And one that lasts for ever is renewed all the same.
    entra.says(Ok(Duration::MAX));
    after(120).await;
    assert!(text(&source).await.is_ok());
    let asked = entra.asked();
    after(24 * 3600).await;
    assert!(text(&source).await.is_ok());
    assert_eq!(entra.asked(), asked + 1);
}
