//! The API server as the operator reaches it, and the log's two lines of every time when it is away.

use std::fmt::Display;
use std::sync::Arc;
use std::time::Instant;

use futures::future::BoxFuture;
use http::Response;
use kube::Client;
use kube::client::{ClientBuilder, DynBody};
use tower::BoxError;
use tower::util::MapFutureLayer;

use crate::outage::{Reach, root_cause};

/// A client of the API server. What becomes of its requests is noted, so that the log says once for all objects and watches
/// when the API server is out of reach, and once when it is back. Clones share connections and notes.
#[derive(Clone)]
pub struct ApiServer {
    pub(super) client: Client,
    name: Arc<str>,
    reach: Arc<Reach>,
}

impl ApiServer {
    /// Connects to nothing yet.
    pub fn new(config: kube::Config) -> Result<Self, kube::Error> {
        let authority = config.cluster_url.authority().map_or("", |it| it.as_str());
        let name: Arc<str> = format!("The Kubernetes API server {authority}").into();
        let reach = Arc::new(Reach::default());
        let noted = {
            let (name, reach) = (Arc::clone(&name), Arc::clone(&reach));
            MapFutureLayer::new(
                move |answer: BoxFuture<'static, Result<Response<Box<DynBody>>, BoxError>>| {
                    let (name, reach, asked) = (Arc::clone(&name), Arc::clone(&reach), Instant::now());
                    async move {
                        let answer = answer.await;
                        match &answer {
                            Ok(answer) => reach.answered(&name, asked, answer.status().as_u16()),
                            // A credential that is not there is no matter of the network.
                            Err(error) if error.is::<kube::Error>() => {}
                            Err(error) => reach.unanswered(&name, asked, &sentence(root_cause(&**error))),
                        }
                        answer
                    }
                },
            )
        };
        let client = ClientBuilder::try_from(config)?.with_layer(&noted).build();
        Ok(Self { client, name, reach })
    }

    /// A request that was made then was given up.
    pub(super) fn unanswered(&self, asked: Instant, because: &dyn Display) {
        self.reach.unanswered(&self.name, asked, because);
    }

    /// Whether the log was told that the API server is away, and not yet that it is back.
    pub fn has_told_of_an_outage(&self) -> bool {
        self.reach.has_told()
    }
}

/// Whether the API server has given no answer, or not all of it.
pub(super) fn is_no_answer(error: &kube::Error) -> bool {
    use kube::Error::{HyperError, ReadEvents, Service};
    matches!(error, Service(_) | HyperError(_) | ReadEvents(_))
}

fn sentence(error: &dyn Display) -> String {
    format!("{}.", error.to_string().trim_end_matches('.'))
}
