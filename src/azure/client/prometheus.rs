//! What of Azure there is in a query of Prometheus: tokens for Azure Monitor's managed one, and the same ways out.

use reqwest::Url;

use super::audience::Audience;
use super::rest::Azure;
use super::transport::{CONNECT_TIMEOUT, Http, pem_bundle};
use crate::azure::model::{Errand, Error};

impl Azure {
    /// A client like the one for Azure, that also trusts these certificates (PEM); else why there is none.
    pub(crate) fn trusting(&self, ca_bundle: Option<&str>) -> Result<Http, String> {
        let more = ca_bundle.map_or(Ok(vec![]), |pem| pem_bundle(pem.as_bytes()))?;
        self.0.ways.http(CONNECT_TIMEOUT, &more).map_err(|error| error.to_string())
    }

    /// A token for Azure Monitor's managed Prometheus at this URL, if it is one.
    pub(crate) async fn prometheus_token(&self, errand: &Errand, url: &Url) -> Result<Bearer, Error> {
        let azure = self.on(errand);
        azure.0.prometheus.check(url.as_str(), "a query")?;
        let source = azure.tokens(Audience::Prometheus).await?;
        let token = source.get().await.map_err(|e| e.asked_as(&azure.1.principal))?;
        Ok(Bearer { token, source })
    }
}

/// A token, and where the next one comes from. Has no `Debug`, so that it cannot be logged.
pub(crate) struct Bearer {
    token: super::token::Token,
    source: super::token::TokenSource,
}

impl Bearer {
    pub(crate) fn text(&self) -> &str {
        &self.token.secret
    }

    /// It was taken, or it was not: then whoever asks next gets another one, where that may help.
    pub(crate) async fn answered(&self, status: u16) {
        match status {
            401 => drop(self.source.refused(&self.token, false, true).await),
            200..=299 => self.source.accepted(&self.token),
            _ => {}
        }
    }
}
