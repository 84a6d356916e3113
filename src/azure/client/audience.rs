//! For whom a token is meant: one of one audience is of no use to another.

/// Whom tokens are meant for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Audience {
    /// Azure Resource Manager, and Azure Machine Learning's management hosts.
    ResourceManager,
    /// Online endpoints that let callers in by Entra ID.
    MachineLearning,
    /// Azure Monitor's managed Prometheus.
    Prometheus,
}

/// All of them, in their order.
pub(crate) const ALL: [Audience; 3] =
    [Audience::ResourceManager, Audience::MachineLearning, Audience::Prometheus];

impl Audience {
    /// What Entra ID knows it by, in the cloud of this Resource Manager; in one that nobody knows, what it is in the public
    /// one. None where only the cloud's own description says it.
    pub(crate) fn of_cloud(self, resource_manager: &str) -> Option<&'static str> {
        let ending =
            |suffix: &str| resource_manager.strip_suffix(suffix).is_some_and(|front| front.ends_with('.'));
        let names = match self {
            Self::ResourceManager => return None,
            Self::MachineLearning => ["https://ml.azure.com", "https://ml.azure.us", "https://ml.azure.cn"],
            Self::Prometheus => [
                "https://prometheus.monitor.azure.com",
                "https://prometheus.monitor.azure.us",
                "https://prometheus.monitor.azure.cn",
            ],
        };
        let [public, us, china] = names;
        Some(match () {
            () if ending("usgovcloudapi.net") => us,
            () if ending("chinacloudapi.cn") => china,
            () => public,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cloud_has_names_of_its_own() {
        for (cloud, ending) in [
            ("management.azure.com", "azure.com"),
            ("management.usgovcloudapi.net", "azure.us"),
            ("management.chinacloudapi.cn", "azure.cn"),
            ("127.0.0.1", "azure.com"),
        ] {
            let named = ALL.map(|audience| audience.of_cloud(cloud));
            let expected = [format!("https://ml.{ending}"), format!("https://prometheus.monitor.{ending}")];
            assert_eq!(named[0], None);
            assert_eq!([named[1], named[2]], expected.each_ref().map(|name| Some(name.as_str())));
        }
    }
}
