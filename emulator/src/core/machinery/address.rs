//! Where a request points: an ARM path, taken apart without regard to case where ARM has none.

use crate::wire::decode;

/// The resource types that the emulator knows, in the service's spelling.
const TYPES: [&str; 20] = [
    "registries",
    "workspaces",
    "models",
    "versions",
    "codes",
    "data",
    "environments",
    "components",
    "onlineEndpoints",
    "batchEndpoints",
    "deployments",
    "jobs",
    "datastores",
    "tempdatarefs",
    "datarefs",
    "datareferences",
    "locations",
    "mfeOperationsStatus",
    "mfeOperationResults",
    "registryOperationsStatus",
];

/// The types of assets among them.
pub const KINDS_OF_ASSETS: [&str; 5] = ["models", "data", "environments", "components", "codes"];

/// Types whose names are the same in any case; assets' and jobs' names are not [SWG].
const CASELESS: [&str; 5] = ["registries", "workspaces", "onlineEndpoints", "batchEndpoints", "deployments"];

/// The namespace of all types.
pub const PROVIDER: &str = "Microsoft.MachineLearningServices";

/// The actions on what a chain of types leads to; none when nothing is served there.
fn actions(kinds: &[&str]) -> Option<&'static [&'static str]> {
    Some(match kinds {
        [] => &["register"],
        ["registries"] => &["removeRegions", "import"],
        ["workspaces"]
        | ["registries", "tempdatarefs" | "datarefs" | "datareferences", "versions"]
        | ["workspaces", "batchEndpoints", "deployments" | "jobs"]
        | ["workspaces", "batchEndpoints", "deployments", "jobs"]
        | ["locations", "mfeOperationsStatus" | "mfeOperationResults" | "registryOperationsStatus"] => &[],
        ["registries" | "workspaces", asset] if KINDS_OF_ASSETS.contains(asset) => &[],
        ["registries", asset, "versions"] if KINDS_OF_ASSETS.contains(asset) => &["startPendingUpload"],
        ["workspaces", asset, "versions"] if KINDS_OF_ASSETS.contains(asset) => {
            &["publish", "startPendingUpload"]
        }
        ["workspaces", "jobs"] => &["cancel"],
        ["workspaces", "datastores"] => &["listSecrets"],
        ["workspaces", "onlineEndpoints"] => &["listKeys", "regenerateKeys", "token"],
        ["workspaces", "onlineEndpoints", "deployments"] => &["getLogs", "skus"],
        ["workspaces", "batchEndpoints"] => &["listKeys"],
        _ => return None,
    })
}

/// The chains of types that are served over ARM, such as `workspaces/models/versions`.
pub fn served_types() -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let mut chains: Vec<Vec<&str>> = vec![Vec::new()];
    while let Some(chain) = chains.pop() {
        for kind in TYPES.iter().filter(|kind| !["tempdatarefs", "datarefs"].contains(kind)) {
            let longer = [chain.as_slice(), &[*kind]].concat();
            let beneath = actions(&longer).is_some();
            if beneath {
                found.push(longer.join("/"));
            }
            if beneath || ["locations", "datareferences"].contains(kind) && longer.len() <= 2 {
                chains.push(longer);
            }
        }
    }
    found.sort_unstable();
    found
}

/// A resource, a collection, or an action on a resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// Subscription id, as sent.
    pub subscription: String,
    /// Resource group, as sent; empty at subscription level.
    pub group: String,
    /// Types and names, from the provider on.
    pub steps: Vec<(&'static str, String)>,
    /// The type at the end, when no name follows it: a list.
    pub collection: Option<&'static str>,
    /// The word at the end, when it is no type: an action such as `listKeys`.
    pub action: Option<String>,
}

/// Why a path is no address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoAddress {
    /// Not a path under `/subscriptions/{id}` with our provider.
    Elsewhere,
    /// Our provider, but a chain of types, or an action on one, that is not served.
    Type(String),
    /// A segment that no name can be: empty, or with an escaped slash.
    Segment,
}

impl Address {
    /// Takes a path apart.
    pub fn parse(path: &str) -> Result<Self, NoAddress> {
        let segments: Vec<String> = path.trim_matches('/').split('/').map(decode).collect();
        let word = |at: usize, expected: &str| {
            segments.get(at).is_some_and(|segment| segment.eq_ignore_ascii_case(expected))
        };
        if !word(0, "subscriptions") || segments.len() < 2 {
            return Err(NoAddress::Elsewhere);
        }
        let (group, rest) = if word(2, "resourceGroups") && word(4, "providers") && word(5, PROVIDER) {
            (segments[3].clone(), 6)
        } else if word(2, "providers") && word(3, PROVIDER) {
            (String::new(), 4)
        } else {
            return Err(NoAddress::Elsewhere);
        };
        if segments.iter().any(|segment| is_no_name(segment)) {
            return Err(NoAddress::Segment);
        }
        Self::root(&segments[1], &group).with(&segments[rest..])?.served()
    }

    /// What is all above: a resource group, or a subscription.
    fn root(subscription: &str, group: &str) -> Self {
        Self {
            subscription: subscription.to_owned(),
            group: group.to_owned(),
            steps: Vec::new(),
            collection: None,
            action: None,
        }
    }

    /// Takes apart what a path names without saying where: `registries/models/environments/e/versions/1`.
    pub fn somewhere(path: &str) -> Result<Self, NoAddress> {
        let segments: Vec<String> = path.trim_matches('/').split('/').map(decode).collect();
        if segments.iter().any(|segment| is_no_name(segment)) {
            return Err(NoAddress::Segment);
        }
        Self::root("", "").with(&segments)
    }

    fn with(mut self, segments: &[String]) -> Result<Self, NoAddress> {
        for pair in segments.chunks(2) {
            let known = TYPES.iter().find(|kind| kind.eq_ignore_ascii_case(&pair[0]));
            match (known, pair.get(1)) {
                (Some(kind), Some(name)) => self.steps.push((kind, name.clone())),
                (Some(kind), None) => self.collection = Some(kind),
                (None, None) => self.action = Some(pair[0].clone()),
                (None, _) => return Err(self.no_type(&pair[0])),
            }
        }
        Ok(self)
    }

    /// Only what is served, and the actions on it.
    fn served(self) -> Result<Self, NoAddress> {
        let beside = self.is_provider() && !self.group.is_empty();
        match (actions(&self.kinds()).filter(|_| !beside), self.action.as_deref()) {
            (Some(_), None) => Ok(self),
            (Some(known), Some(action)) if known.iter().any(|known| known.eq_ignore_ascii_case(action)) => {
                Ok(self)
            }
            (_, Some(action)) => Err(self.no_type(action)),
            (None, None) if beside => Err(NoAddress::Elsewhere),
            (None, None) => Err(NoAddress::Type(self.shape())),
        }
    }

    fn no_type(&self, last: &str) -> NoAddress {
        let mut kinds = self.kinds();
        kinds.push(last);
        NoAddress::Type(kinds.join("/"))
    }

    /// Whether it is the provider itself, or an action on it.
    pub fn is_provider(&self) -> bool {
        self.steps.is_empty() && self.collection.is_none()
    }

    /// Whether it is a resource, and neither a list nor an action.
    pub fn is_resource(&self) -> bool {
        !self.steps.is_empty() && self.collection.is_none() && self.action.is_none()
    }

    /// Whether it is this action.
    pub fn acts(&self, action: &str) -> bool {
        self.action.as_deref().is_some_and(|asked| asked.eq_ignore_ascii_case(action))
    }

    /// The same steps below another resource, in the place of its first ones.
    #[must_use]
    pub fn moved_to(&self, owner: &Self, instead_of: usize) -> Self {
        let mut moved = owner.clone();
        moved.steps.extend(self.steps.iter().skip(instead_of).cloned());
        moved
    }

    /// The chain of types, such as `workspaces/models/versions`.
    pub fn shape(&self) -> String {
        self.kinds().join("/")
    }

    /// The types of that chain.
    pub fn kinds(&self) -> Vec<&str> {
        self.steps.iter().map(|(kind, _)| *kind).chain(self.collection).collect()
    }

    /// The name at a depth: 0 is the registry or workspace.
    pub fn name(&self, depth: usize) -> &str {
        self.steps.get(depth).map_or("", |(_, name)| name)
    }

    /// The last name.
    pub fn leaf(&self) -> &str {
        self.steps.last().map_or("", |(_, name)| name)
    }

    /// The key of the resource, or of the resource that owns the collection.
    pub fn key(&self) -> String {
        self.key_to(self.steps.len())
    }

    /// The key of the resource at a depth of `steps` types and names.
    pub fn key_to(&self, steps: usize) -> String {
        let mut key = format!("{}/{}", self.subscription, self.group).to_ascii_lowercase();
        for (kind, name) in self.steps.iter().take(steps) {
            key.push('/');
            key.push_str(kind);
            key.push('/');
            if CASELESS.contains(kind) {
                key.push_str(&name.to_ascii_lowercase());
            } else {
                key.push_str(name);
            }
        }
        key
    }

    /// The key of the collection that is asked for.
    pub fn collection_key(&self) -> String {
        format!("{}/{}", self.key(), self.collection.unwrap_or_default())
    }

    /// The ARM id in the service's spelling, with names as sent.
    pub fn id(&self) -> String {
        use std::fmt::Write as _;
        let mut id = format!(
            "/subscriptions/{}/resourceGroups/{}/providers/{PROVIDER}",
            self.subscription, self.group
        );
        for (kind, name) in &self.steps {
            let _ = write!(id, "/{kind}/{name}");
        }
        id
    }

    /// The ARM type, such as `Microsoft.MachineLearningServices/registries/models`.
    pub fn arm_type(&self) -> String {
        format!("{PROVIDER}/{}", self.shape())
    }

    /// The same address with one step less: the parent resource.
    #[must_use]
    pub fn parent(&self) -> Self {
        let mut parent = self.clone();
        parent.steps.pop();
        parent.collection = None;
        parent.action = None;
        parent
    }

    /// The same address with one step more.
    #[must_use]
    pub fn child(&self, kind: &'static str, name: &str) -> Self {
        let mut child = self.clone();
        child.steps.push((kind, name.to_owned()));
        child.collection = None;
        child.action = None;
        child
    }
}

/// The key of an ARM id; none when it is not one of ours.
pub fn key_of(id: &str) -> Option<String> {
    let address = Address::parse(id).ok()?;
    address.is_resource().then(|| address.key())
}

fn is_no_name(segment: &str) -> bool {
    segment.is_empty() || segment.contains('/')
}
