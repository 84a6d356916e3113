//! What a metric provider's decision needs to know.

use std::time::Duration;

use jiff::Timestamp;

use super::{Facts, SOON};
use crate::api::{ConditionType, MetricProvider, Object, Reason, conditions_of};
use crate::azure::model::{Account, Principal};
use crate::decide::digest::short_hash;
use crate::decide::facts::{Kind, Known, Name};
use crate::decide::{Situation, elapsed, words_of};
use crate::measure::model::{Answer, Entry, Prometheus, Provider, ProviderAuth, Question};

/// What every Prometheus answers, whatever it has recorded.
const TRY: &str = "vector(1)";

impl MetricProvider {
    /// Where it is, and as whom it is asked; or why it cannot be asked.
    pub fn server(&self) -> Result<(Principal, Provider), String> {
        let Some(server) = &self.spec.prometheus else {
            return Err(format!(
                "{} says by no field that this version of Bindery knows where the metrics are.",
                self.key()
            ));
        };
        let auth = server.auth.clone().unwrap_or_default();
        let token =
            auth.token_secret_ref.map(|it| Entry { namespace: self.home(), name: it.name, key: it.key });
        let (principal, auth) = match (token, auth.azure, &self.spec.credentials) {
            (Some(token), _, _) => (Principal::Operator, ProviderAuth::Token(token)),
            (None, Some(_), Some(account)) => {
                let name = account.service_account_name.as_str().into();
                let account = Account { namespace: self.home().into(), name };
                (Principal::Account(account), ProviderAuth::Azure)
            }
            (None, Some(_), None) => {
                return Err(format!("{} does not say by spec.credentials whose token to show.", self.key()));
            }
            (None, None, _) => (Principal::Operator, ProviderAuth::None),
        };
        let headers = server.headers.iter().map(|it| (it.name.clone(), it.value.clone())).collect();
        let (address, ca_bundle) = (server.address.clone(), server.ca_bundle.clone());
        Ok((principal, Provider { address, headers, auth, ca_bundle }))
    }

    /// Since when the next answer is due, and how often one is. It is the same moment in every pass until the time is over or
    /// somebody edits the object or asks for a look, so that each answer is asked for once.
    fn due(&self, now: Timestamp) -> (Timestamp, Duration) {
        let fails =
            conditions_of(self.conditions()).reason(ConditionType::Ready) == Some(Reason::QueryFailed);
        let every = if fails { SOON } else { self.interval() };
        let word = format!("{}{}{:?}", self.full_name(), self.generation(), self.asks());
        let spread = u64::from_str_radix(&short_hash(&word, 6), 16).unwrap_or_default();
        let whole = i64::try_from(every.as_millis()).unwrap_or(i64::MAX);
        let spread = i64::try_from(spread).unwrap_or_default() % whole;
        let begun = (now.as_millisecond() - spread).div_euclid(whole) * whole + spread;
        (Timestamp::from_millisecond(begun).unwrap_or(now), every)
    }
}

impl Kind for MetricProvider {
    type Facts = Facts;
    const CHANGES: bool = false;
    const HOLDS: bool = false;

    fn names(&self) -> Vec<Name> {
        vec![]
    }

    fn outward(&self) -> String {
        words_of(&self.current().conditions)
    }

    fn gather(&self, situation: Situation, known: &mut Known) -> Facts {
        let (since, every) = self.due(situation.now);
        let mut ask = |(principal, provider): (Principal, Provider)| {
            let question = Question::Prometheus(Prometheus { provider, query: TRY.into(), at: since });
            known.measured(&principal, since, question).cloned()
        };
        let answer = match self.server() {
            _ if situation.deleting => None,
            Ok(server) => ask(server),
            Err(because) => Some(Answer::Error(because)),
        };
        let next = every.saturating_sub(elapsed(since, situation.now));
        Facts { situation, spec: self.spec.clone(), status: self.current(), answer, next }
    }
}
