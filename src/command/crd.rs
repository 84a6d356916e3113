use std::io::Write;

use super::Outcome;
use crate::api::crds;

pub(super) fn print() -> Outcome {
    let mut out = std::io::stdout().lock();
    for (_, yaml) in yaml()? {
        write!(
            out,
            "---
{yaml}"
        )?;
    }
    Ok(())
}

/// Every definition as the text of its file, by file name: `bindery.dev_registries.yaml`.
pub fn yaml() -> Result<Vec<(String, String)>, serde_yaml::Error> {
    crds()
        .into_iter()
        .map(|crd| {
            let name = format!("{}_{}.yaml", crd.spec.group, crd.spec.names.plural);
            // Through a value with sorted keys, so that the files do not depend on the order of fields.
            let value = serde_json::to_value(&crd).unwrap_or_default();
            Ok((name, serde_yaml::to_string(&value)?))
        })
        .collect()
}
