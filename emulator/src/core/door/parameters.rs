//! The query parameters of lists. One that a list does not have is as good as not sent, as is one without a value.

use crate::core::machinery::call::Door;
use crate::wire::{Request, decode};

/// Lists by their types, and what each has beside `$skip` and `api-version` [SWG]; `stage` of models' versions is
/// documented nowhere, and works [REC]. `feed` and `aiCapabilities` do nothing here. A list that is not named, such as
/// that of a batch endpoint's jobs, has nothing else.
const LISTS: [(&str, &str); 28] = [
    ("registries", ""),
    ("workspaces", "kind aiCapabilities"),
    ("workspaces/models", "count listViewType"),
    (
        "workspaces/models/versions",
        "$orderBy $top version description offset tags properties feed listViewType stage",
    ),
    ("workspaces/data", "listViewType"),
    ("workspaces/data/versions", "$orderBy $top $tags listViewType"),
    ("workspaces/environments", "listViewType"),
    ("workspaces/environments/versions", "$orderBy $top listViewType"),
    ("workspaces/components", "listViewType"),
    ("workspaces/components/versions", "$orderBy $top listViewType"),
    ("workspaces/codes", ""),
    ("workspaces/codes/versions", "$orderBy $top hash hashVersion"),
    ("registries/models", "listViewType"),
    ("registries/models/versions", "$orderBy $top version description tags properties listViewType"),
    ("registries/data", "listViewType"),
    ("registries/data/versions", "$orderBy $top $tags listViewType"),
    ("registries/environments", "listViewType"),
    ("registries/environments/versions", "$orderBy $top listViewType"),
    ("registries/components", ""),
    ("registries/components/versions", "$orderBy $top"),
    ("registries/codes", ""),
    ("registries/codes/versions", "$orderBy $top"),
    ("workspaces/jobs", "jobType tag listViewType properties"),
    ("workspaces/datastores", "count isDefault names searchText orderBy orderByAsc"),
    ("workspaces/onlineEndpoints", "name count computeType tags properties orderBy"),
    ("workspaces/onlineEndpoints/deployments", "$orderBy $top"),
    ("workspaces/batchEndpoints", "count"),
    ("workspaces/batchEndpoints/deployments", "$orderBy $top"),
];

/// The request of a list of these types, with only the parameters that it has.
pub fn of_list(request: &Request, shape: &str, door: Door) -> Request {
    let own = LISTS.iter().find(|(list, _)| *list == shape).map_or("", |(_, own)| own);
    // azure-ai-ml asks for components of a registry so [CLI], and components are the same as the rest there.
    let by_view = if door == Door::Mfe { "listViewType" } else { "" };
    let has = |name: &str| {
        ["api-version", "$skip", by_view]
            .into_iter()
            .chain(own.split(' '))
            .any(|known| known.eq_ignore_ascii_case(name))
    };
    let kept: Vec<&str> = request
        .query
        .split('&')
        .filter(|pair| {
            pair.split_once('=').is_some_and(|(name, value)| !value.is_empty() && has(&decode(name)))
        })
        .collect();
    Request { query: kept.join("&"), ..request.clone() }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::collections::BTreeSet;

    use super::*;
    use crate::contract::Contract;

    const DOCUMENTED: &str = include_str!("../../../contract/answers.schema");

    /// The types that a path of the documentation leads through.
    fn shape(path: &str) -> String {
        let (_, tail) = path.split_once("/Microsoft.MachineLearningServices/").unwrap();
        let types: Vec<&str> = tail.split('/').filter(|segment| !segment.starts_with('{')).collect();
        types.join("/")
    }

    #[test]
    fn every_list_has_the_parameters_that_are_documented_for_it() {
        let all: Contract = DOCUMENTED.parse().unwrap();
        let mut documented = BTreeSet::new();
        for operation in all.operations.iter().filter(|operation| operation.method == "GET") {
            let path = &operation.path;
            let shape = shape(path);
            let Some((_, own)) = LISTS.iter().find(|(list, _)| *list == shape && !path.ends_with('}')) else {
                continue;
            };
            let theirs: BTreeSet<&str> =
                operation.query.iter().map(String::as_str).filter(|name| *name != "$skip").collect();
            let ours: BTreeSet<&str> = own.split(' ').filter(|name| !["", "stage"].contains(name)).collect();
            assert_eq!(ours, theirs, "{path}");
            documented.insert(shape);
        }
        assert_eq!(documented.len(), LISTS.len(), "only these are documented: {documented:?}");
    }
}
