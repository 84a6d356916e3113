//! As whom Bindery acts in a place: as the service account that the place names, or as the operator. Whom the operator's own
//! identity serves, an administrator lists; nothing else.

use std::sync::Arc;

use serde::Deserialize;

use super::policy::matches;
use crate::api::Credentials;
use crate::azure::model::{Account, Principal, ResourceId, is_guid};

/// Everything that the operator's own identity serves. Empty: nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Served(Arc<[Grant]>);

/// Namespaces whose places the operator's own identity serves, and where in Azure those may be.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Grant {
    /// The namespaces of Registry and Workspace objects. `*` stands for any characters, `?` for one.
    pub namespaces: Vec<String>,
    /// Subscriptions, by their GUIDs; `*` for every one that the identity reaches.
    pub subscriptions: Vec<String>,
    /// Resource groups, with `*` and `?` as above, without regard to case. None: all of these subscriptions.
    #[serde(default)]
    pub resource_groups: Vec<String>,
}

impl Served {
    /// What a list in JSON says: `[{"namespaces": […], "subscriptions": […], "resourceGroups": […]}]`.
    ///
    /// # Errors
    ///
    /// A sentence that names the field that is wrong.
    pub fn parse(json: &str) -> Result<Self, String> {
        let grants: Vec<Grant> = serde_json::from_str(json).map_err(|error| {
            format!("not a list of {{namespaces, subscriptions, resourceGroups}} in JSON: {error}")
        })?;
        for (at, grant) in grants.iter().enumerate() {
            let wrong = |field: &str, what: String| Err(format!("[{at}].{field}: {what}"));
            for (field, list) in [("namespaces", &grant.namespaces), ("subscriptions", &grant.subscriptions)]
            {
                if list.is_empty() {
                    return wrong(field, "name at least one, or '*' for all".into());
                }
            }
            if let Some(odd) = grant.subscriptions.iter().find(|s| *s != "*" && !is_guid(s)) {
                return wrong("subscriptions", format!("'{odd}' is neither a GUID nor '*'"));
            }
        }
        Ok(Self(grants.into()))
    }

    /// Every namespace, everywhere that the identity reaches.
    pub fn everything() -> Self {
        let all = || vec!["*".to_string()];
        Self([Grant { namespaces: all(), subscriptions: all(), resource_groups: vec![] }].into())
    }

    /// Is nothing listed?
    pub fn is_nothing(&self) -> bool {
        self.0.is_empty()
    }

    /// As whom Bindery acts in a place of this namespace that is there in Azure: as the account that the place names, else as
    /// the operator; or why nobody does, in sentences that say what to do.
    ///
    /// # Errors
    ///
    /// Nobody acts there.
    pub fn acting(
        &self,
        namespace: &str,
        credentials: Option<&Credentials>,
        place: &ResourceId,
    ) -> Result<Principal, String> {
        let Some(Credentials { service_account_name: name }) = credentials else {
            return self.refuses(namespace, place).map_or(Ok(Principal::Operator), Err);
        };
        Ok(Principal::Account(Account { namespace: namespace.into(), name: name.as_str().into() }))
    }

    /// Why the operator's own identity does not serve a place of this namespace that is there in Azure, in sentences that say
    /// what to do; none where it does.
    fn refuses(&self, namespace: &str, place: &ResourceId) -> Option<String> {
        let subscription = place.subscription();
        let group = place.segment("resourceGroups").unwrap_or_default();
        let serves = |grant: &Grant| {
            let named = |list: &[String], text: &str| {
                let text = text.to_ascii_lowercase();
                list.iter().any(|pattern| matches(&pattern.to_ascii_lowercase(), &text))
            };
            named(&grant.namespaces, namespace)
                && named(&grant.subscriptions, subscription)
                && (grant.resource_groups.is_empty() || named(&grant.resource_groups, group))
        };
        (!self.0.iter().any(serves)).then(|| {
            format!(
                "The operator's own identity does not serve namespace {namespace} in resource group {group} of subscription {subscription}. Whoever runs the operator has to add {{namespaces: [{namespace}], subscriptions: [{subscription}], resourceGroups: [{group}]}} to operatorIdentity.allow in the chart's values (--operator-identity-allow), or the place has to name a service account of its own in spec.credentials."
            )
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    const SUBSCRIPTION: &str = "00000000-0000-0000-0000-00000000000a";

    #[test]
    fn only_what_is_listed_is_served() {
        let served = |list: &str| Served::parse(&list.replace("SUB", SUBSCRIPTION)).unwrap();
        let place = |subscription: &str, group: &str| ResourceId::workspace(subscription, group, "w");
        for (list, namespace, at, expected) in [
            ("[]", "ml-platform", (SUBSCRIPTION, "rg"), false),
            (r#"[{"namespaces": ["*"], "subscriptions": ["*"]}]"#, "anybody", ("s", "rg"), true),
            (
                r#"[{"namespaces": ["ml-platform"], "subscriptions": ["SUB"]}]"#,
                "ml-platform",
                (SUBSCRIPTION, "any"),
                true,
            ),
            (
                r#"[{"namespaces": ["ml-platform"], "subscriptions": ["SUB"]}]"#,
                "ml-platform-2",
                (SUBSCRIPTION, "any"),
                false,
            ),
            (
                r#"[{"namespaces": ["ml-platform"], "subscriptions": ["SUB"]}]"#,
                "ml-platform",
                ("s", "any"),
                false,
            ),
            (
                r#"[{"namespaces": ["fares-*"], "subscriptions": ["SUB"], "resourceGroups": ["ml", "ML-*"]}]"#,
                "fares-dev",
                ("00000000-0000-0000-0000-00000000000A", "Ml-1"),
                true,
            ),
            (
                r#"[{"namespaces": ["fares-*"], "subscriptions": ["SUB"], "resourceGroups": ["ml", "ml-*"]}]"#,
                "fares-dev",
                (SUBSCRIPTION, "other"),
                false,
            ),
            // An entry counts as a whole.
            (
                r#"[{"namespaces": ["a"], "subscriptions": ["SUB"], "resourceGroups": ["x"]}, {"namespaces": ["b"], "subscriptions": ["SUB"]}]"#,
                "a",
                (SUBSCRIPTION, "y"),
                false,
            ),
        ] {
            let refused = served(list).refuses(namespace, &place(at.0, at.1));
            assert_eq!(refused.is_none(), expected, "{list} {namespace} {at:?}: {refused:?}");
        }
        let told = Served::default().refuses("fares", &place("s", "rg")).unwrap();
        assert!(told.contains("add {namespaces: [fares], subscriptions: [s], resourceGroups: [rg]} to operatorIdentity.allow"), "{told}");
        assert_eq!(Served::everything().refuses("fares", &place("s", "rg")), None);
    }

    #[test]
    fn a_list_that_is_wrong_says_where() {
        for (list, part) in [
            ("{}", "not a list"),
            (r#"[{"namespaces": ["a"]}]"#, "missing field `subscriptions`"),
            (
                r#"[{"namespaces": ["a"], "subscriptions": ["*"], "resourcegroups": []}]"#,
                "unknown field `resourcegroups`",
            ),
            (r#"[{"namespaces": [], "subscriptions": ["*"]}]"#, "[0].namespaces: name at least one"),
            (
                r#"[{"namespaces": ["a"], "subscriptions": ["prod"]}]"#,
                "[0].subscriptions: 'prod' is neither a GUID nor '*'",
            ),
        ] {
            let said = Served::parse(list).unwrap_err();
            assert!(said.contains(part), "{said}");
        }
    }
}
