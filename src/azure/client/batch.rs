//! The request that starts a batch job on one deployment of a batch endpoint (azure-ml-2.md M.2).
//!
//! The service may carry out a request whose answer is lost. So the request names the job, and the same id goes along each time that
//! it is made for that job, in the two spellings that are documented and used for the header.

use std::time::Instant;

use azure_core::Uuid;
use reqwest::header::HeaderValue;
use reqwest::{Method, RequestBuilder, Url};
use sha2::{Digest, Sha256};

use super::audience::Audience;
use super::error_body::{self, Head};
use super::pace::Quota;
use super::rest::{Azure, text};
use super::token::TokenSource;
use super::transport;
use crate::azure::model::{Class, Error, Invocation, Reply, word};

/// An answer to such a request is one job.
const MOST_BYTES: usize = 1024 * 1024;

/// The documented spelling, and that of Microsoft's own client.
const REPEATABILITY: [&str; 2] = ["repeatability-request-id", "repeatability_request-id"];

impl Azure {
    /// Starts a job. A token that is refused may be an old one: nothing was done, and the request is made once more.
    pub(super) async fn start_job(&self, invocation: &Invocation) -> Result<Reply, Error> {
        let unsent = |error: Error| error.before_sending();
        let url = self.job_url(&invocation.uri).map_err(unsent)?;
        let tokens = self.tokens(Audience::MachineLearning).await.map_err(unsent)?;
        let (answer, replaced) = self.start_job_once(&url, invocation, &tokens).await?;
        if answer.0.status == 401 && replaced {
            let (answer, _) = self.start_job_once(&url, invocation, &tokens).await?;
            return self.started(&url, answer);
        }
        self.started(&url, answer)
    }

    /// The addresses of batch endpoints are those of online ones; older ones are on Azure Machine Learning's management hosts.
    fn job_url(&self, uri: &str) -> Result<Url, Error> {
        let what = "the scoring URI";
        self.0.scoring.check(uri, what).or_else(|error| self.checked(uri, what).map_err(|_| error))
    }

    /// The answer, and whether another token may be accepted where this one was not.
    async fn start_job_once(
        &self,
        url: &Url,
        invocation: &Invocation,
        tokens: &TokenSource,
    ) -> Result<((Head, Option<Vec<u8>>), bool), Error> {
        let refused = |e: Error| e.asked_as(&self.1.principal).before_sending();
        let token = tokens.get().await.map_err(refused)?;
        let deployment = HeaderValue::from_str(&invocation.deployment).map_err(|_| {
            Error::new(Class::Permanent, "The deployment's name is none that a request could carry.")
                .before_sending()
        })?;
        let (host, server) = (url.host_str().unwrap_or_default().to_owned(), url.authority().to_owned());
        tracing::debug!(%host, job = invocation.job, "starting a batch job");
        let id = repeatability_id(&invocation.job);
        let mut request = self
            .0
            .http
            .request(Method::POST, url.clone())
            .bearer_auth(&token.secret)
            .header("azureml-model-deployment", deployment)
            .header("accept", "application/json")
            .header("x-ms-client-request-id", Uuid::new_v4().to_string());
        for name in REPEATABILITY {
            request = request.header(name, &id);
        }
        // The last moment: a process that does not lead any more starts nothing.
        self.permitted(Quota::Write)?;
        let asked = Instant::now();
        let answer = whole(request.json(&invocation.body)).await.map_err(|error| {
            let error = self.0.http.no_answer(&error, &host);
            self.0.reach.unanswered(&server, asked, &error);
            error
        })?;
        let status = answer.0.status;
        self.0.reach.answered(&server, asked, status);
        tracing::debug!(status, correlation = answer.0.correlation, "answer");
        let replaced = status == 401 && tokens.refused(&token, false, true).await;
        if !matches!(status, 401 | 408 | 429 | 500..) {
            tokens.accepted(&token);
        }
        Ok(((Head { host, ..answer.0 }, answer.1), replaced))
    }

    /// What the service made of the request.
    fn started(&self, url: &Url, (head, body): (Head, Option<Vec<u8>>)) -> Result<Reply, Error> {
        let Some(body) = body else { return Err(head.too_long(MOST_BYTES)) };
        match head.status {
            // Whatever it says, the job was started.
            200..=299 => {
                let body = serde_json::from_slice(&body).ok();
                Ok(Reply { status: head.status, body, operation: None, retry_after: None })
            }
            status @ (401 | 403) => {
                let host = url.host_str().unwrap_or_default();
                let message = format!(
                    "The batch endpoint at {host} starts no job for us. Give who asks the rights that Microsoft lists for jobs of batch endpoints, as the role AzureML Data Scientist on the workspace has them; and the endpoint may not be reachable from outside of its network."
                );
                let error = Error { status: Some(status), ..Error::new(Class::Unauthorized, message) };
                Err(error.asked_as(&self.1.principal))
            }
            _ => Err(error_body::refusal(&head, &body)),
        }
    }
}

/// A GUID that follows from the job's name.
fn repeatability_id(job: &str) -> String {
    let digest: [u8; 32] = Sha256::digest(job.as_bytes()).into();
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    Uuid::from_bytes(bytes).to_string()
}

async fn whole(request: RequestBuilder) -> reqwest::Result<(Head, Option<Vec<u8>>)> {
    let answer = request.send().await?;
    let headers = answer.headers();
    let correlation =
        text(headers, "x-ms-correlation-request-id").or_else(|| text(headers, "x-ms-request-id"));
    let retry_after = super::rest::number(headers, "retry-after");
    let head = Head {
        status: answer.status().as_u16(),
        correlation: correlation.map(word),
        retry_after,
        ..Head::default()
    };
    Ok((head, transport::body(answer, MOST_BYTES).await?))
}
