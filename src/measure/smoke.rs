//! A request to one deployment, and what the expression makes of the answer.

use super::expression::{self, Seen};
use super::model::{Answer, Answered, Auth, Smoke, Texts};
use super::{Client, missing, said};
use crate::azure::client::{EndpointAuth, Score, Scored};
use crate::azure::model::Errand;

impl Client {
    pub(super) async fn smoke(
        &self,
        errand: &Errand,
        smoke: &Smoke,
        texts: &Texts,
    ) -> Result<Answer, String> {
        let body = texts.entry.as_deref().ok_or_else(|| missing("ConfigMap", &smoke.body))?;
        let score = Score {
            endpoint: &smoke.endpoint,
            uri: &smoke.scoring_uri,
            auth: match smoke.auth {
                Auth::Key => EndpointAuth::Key,
                Auth::AmlToken => EndpointAuth::AmlToken,
                Auth::AadToken => EndpointAuth::AadToken,
            },
            deployment: &smoke.deployment,
            body,
            timeout: smoke.timeout,
        };
        let scored = self.azure.score(errand, &score).await;
        let scored =
            scored.map_err(|error| format!("{} could not be asked. {}", smoke.deployment, said(&error)))?;
        let Scored::Answer { status, millis, body } = scored else {
            return Ok(Answer::Late(u64::try_from(smoke.timeout.as_millis()).unwrap_or(u64::MAX)));
        };
        let expected = match &smoke.expect {
            Some(expression) => Some(self.evaluated(expression, Seen { status, millis, body }).await),
            None => None,
        };
        Ok(Answer::Answered(Answered { status, millis, expected }))
    }

    /// The value of an expression, when its turn has come. The turn lasts until the thread is done, also where nobody waits
    /// for it any more.
    async fn evaluated(&self, expression: &str, seen: Seen) -> Result<bool, String> {
        let expression = expression.to_owned();
        self.in_turn(move || expression::value(&expression, seen)).await
    }

    /// Whether an expression can be used.
    pub(super) async fn usable(&self, expression: &str) -> Result<Answer, String> {
        let expression = expression.to_owned();
        self.in_turn(move || expression::check(&expression)).await.map(|()| Answer::Usable)
    }

    async fn in_turn<T: Send + 'static>(
        &self,
        run: impl FnOnce() -> Result<T, String> + Send + 'static,
    ) -> Result<T, String> {
        let ended = |_| "The expression was not evaluated: Bindery is about to stop.".to_owned();
        let turn = self.evaluations.clone().acquire_owned().await.map_err(|e| ended(e.to_string()))?;
        let run = tokio::task::spawn_blocking(move || {
            let value = run();
            drop(turn);
            value
        });
        run.await.map_err(|e| ended(e.to_string()))?
    }
}
