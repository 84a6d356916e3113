//! What a 404 to a GET means: that the resource is not there, or that something it would be in is not.
//!
//! ARM's front door answers for the subscription, the resource group and the workspace or registry;
//! Azure Machine Learning for everything below (azure-ml.md D.1).

use crate::azure::model::Error;
use crate::azure::model::ResourceId;

/// True when the error says that `id` itself does not exist.
pub(crate) fn is_absence(id: &ResourceId, error: &Error) -> bool {
    if !error.is_not_found() {
        return false;
    }
    let Some(code) = error.code.as_deref() else {
        // Without a word of explanation it has at least to come from Azure.
        return error.correlation.is_some();
    };
    match code.to_ascii_lowercase().as_str() {
        "subscriptionnotfound"
        | "invalidsubscriptionid"
        | "resourcegroupnotfound"
        | "parentresourcenotfound"
        | "noregisteredproviderfound"
        | "invalidresourcenamespace"
        | "invalidresourcetype" => false,
        "workspacenotfound" => is_in(id, "workspaces"),
        "registrynotfound" => is_in(id, "registries"),
        "resourcenotfound" => !names_a_parent(id, &error.message),
        _ => true,
    }
}

/// True for `…/workspaces/w` and false for what is below.
fn is_in(id: &ResourceId, collection: &str) -> bool {
    let mut segments = id.as_str().rsplit('/').skip(1);
    segments.next().is_some_and(|s| s.eq_ignore_ascii_case(collection))
}

/// The front door says which resource it missed: "The Resource
/// 'Microsoft.MachineLearningServices/workspaces/w' under resource group 'rg' was not found."
fn names_a_parent(id: &ResourceId, message: &str) -> bool {
    let id = id.as_str().to_ascii_lowercase();
    let Some((_, path)) = id.split_once("/providers/") else {
        return false;
    };
    let named = message.to_ascii_lowercase();
    let mut quoted = named.split('\'').skip(1).step_by(2);
    quoted.any(|name| name.contains('/') && path.strip_prefix(name).is_some_and(|rest| rest.starts_with('/')))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::azure::model::Class;

    #[test]
    fn only_the_resource_itself_is_absent() {
        let workspace = ResourceId::workspace("s", "rg", "w");
        let model = workspace.model_version("m", "1");
        let named = "The Resource 'Microsoft.MachineLearningServices/workspaces/w' under resource group 'rg' was not found.";
        let cases = [
            (&model, Some("ModelNotFound"), "m", true),
            (&model, Some("NotFound"), "m", true),
            (&model, Some("UserError"), "m", true),
            (&model, Some("ResourceNotFound"), "The specified resource was not found.", true),
            (&model, Some("ResourceNotFound"), named, false),
            (&workspace, Some("ResourceNotFound"), named, true),
            (&model, Some("WorkspaceNotFound"), "m", false),
            (&workspace, Some("WorkspaceNotFound"), "m", true),
            (&model, Some("SubscriptionNotFound"), "m", false),
            (&model, Some("ResourceGroupNotFound"), "m", false),
            (&workspace, Some("ResourceGroupNotFound"), "m", false),
            (&model, Some("ParentResourceNotFound"), "m", false),
            (&model, Some("InvalidResourceType"), "m", false),
            (&model, None, "m", true),
        ];
        for (id, code, message, absent) in cases {
            let error = Error {
                code: code.map(str::to_owned),
                correlation: Some("c".into()),
                ..Error::new(Class::NotFound, message)
            };
            assert_eq!(is_absence(id, &error), absent, "{id} {code:?} {message}");
        }
        assert!(!is_absence(&model, &Error::new(Class::NotFound, "from no one knows whom")));
        assert!(!is_absence(&model, &Error::new(Class::Transient, "m")));
    }
}
