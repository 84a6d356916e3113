//! A metric provider: a Prometheus that an administrator names, and who may ask it.

use crate::api::Reference;
use crate::azure::model::Principal;
use crate::decide::facts::Known;
use crate::measure::model::Provider;

/// The Prometheus that is referred to, and as whom it is asked.
///
/// # Errors
///
/// It is not there for whoever asks: a sentence that says what to do.
pub fn find(reference: &Reference, home: &str, _: &mut Known) -> Result<(Principal, Provider), String> {
    let key = format!("{}/{}", reference.namespace(home), reference.name);
    Err(format!("There is no MetricProvider {key} that namespace {home} may use."))
}
