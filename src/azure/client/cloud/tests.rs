use serde_json::json;

use super::*;

/// A choice in short: what is asked and for what scope, or the document, or what is wrong.
fn chosen(text: &str) -> String {
    match text.parse() {
        Ok(CloudChoice::Cloud(cloud)) => short(&cloud),
        Ok(CloudChoice::Metadata(url)) => format!("look at {url}"),
        Err(why) => why,
    }
}

fn short(cloud: &Cloud) -> String {
    format!(
        "{}: {} {} {:?}",
        cloud.name(),
        cloud.authority(),
        cloud.scope(Audience::ResourceManager),
        cloud.trusted_hosts
    )
}

const PUBLIC: &str = "public: https://login.microsoftonline.com https://management.azure.com/.default []";
const GOVERNMENT: &str =
    "usgovernment: https://login.microsoftonline.us https://management.usgovcloudapi.net/.default []";
const CHINA: &str = "china: https://login.chinacloudapi.cn https://management.chinacloudapi.cn/.default []";

#[test]
fn a_cloud_is_named_written_down_or_looked_up() {
    let words = "it is public, usgovernment or china, or the https URL of a /metadata/endpoints document, or JSON with authority and resourceManager, or @ and the path of a file with such JSON";
    let stack = "https://management.local.azurestack.external/metadata/endpoints?api-version=2022-09-01";
    let cases = [
        ("public", PUBLIC.to_owned()),
        ("AzureCloud", PUBLIC.into()),
        ("azurepubliccloud", PUBLIC.into()),
        ("usgovernment", GOVERNMENT.into()),
        ("AzureUSGovernment", GOVERNMENT.into()),
        ("AzureUSGovernmentCloud", GOVERNMENT.into()),
        ("China", CHINA.into()),
        ("AzureChinaCloud", CHINA.into()),
        ("", words.into()),
        ("germany", words.into()),
        ("management.azure.com", words.into()),
        (stack, format!("look at {stack}")),
        ("http://management.example/metadata/endpoints", "the URL is not https".into()),
        ("https://me@management.example/metadata/endpoints", "there is a user name in the URL".into()),
        (
            "https://management.example:8443",
            "the URL is not one of a document: did you mean https://management.example:8443/metadata/endpoints?api-version=2022-09-01".into(),
        ),
        (
            r#"{"authority": "https://login.corp.example/", "resourceManager": "https://arm.corp.example:8443"}"#,
            "at https://arm.corp.example:8443: https://login.corp.example https://arm.corp.example:8443/.default []".into(),
        ),
        (
            r#" {"authority": "https://login.a", "resourceManager": "https://arm.a", "audience": "https://mgmt.a/1-2/", "trustedHosts": ["*.ml.a.example", "b:8443"]}"#,
            r#"at https://arm.a: https://login.a https://mgmt.a/1-2/.default ["*.ml.a.example", "b:8443"]"#.into(),
        ),
        (r#"{"authority": "https://login.a"}"#, "missing field `resourceManager` at line 1 column 32".into()),
        (
            r#"{"authority": "https://a", "resourceManager": "https://b", "arm": "c"}"#,
            "unknown field `arm`, expected one of `authority`, `resourceManager`, `audience`, `trustedHosts`, `storageSuffix` at line 1 column 64".into(),
        ),
        (
            r#"{"authority": "http://a", "resourceManager": "https://b"}"#,
            r#"authority "http://a" is not usable: it is not https"#.into(),
        ),
        (
            r#"{"authority": "https://a", "resourceManager": "https://b/prefix"}"#,
            r#"resourceManager "https://b/prefix" is not usable: it has to be https://host or https://host:port"#.into(),
        ),
        (
            r#"{"authority": "https://a", "resourceManager": "https://b", "audience": "b"}"#,
            r#"audience "b" is not usable: relative URL without a base"#.into(),
        ),
        (
            r#"{"authority": "https://a", "resourceManager": "https://b", "trustedHosts": ["*.com"]}"#,
            r#"trusted host "*.com" is not usable: a suffix needs at least two labels"#.into(),
        ),
        ("@/nowhere/cloud.json", "/nowhere/cloud.json: No such file or directory (os error 2)".into()),
    ];
    for (text, expected) in cases {
        assert_eq!(chosen(text), expected, "{text}");
    }
}

#[test]
fn the_authority_of_the_environment_chooses_the_cloud_or_has_to_agree() {
    let refused = "AZURE_AUTHORITY_HOST is \"https://login.microsoftonline.com/\", but the cloud usgovernment has its Entra ID at https://login.microsoftonline.us: choose the cloud that the variable belongs to (--cloud), or set the variable to https://login.microsoftonline.us. AKS's webhook sets it for the cluster's own cloud where the pod's template does not";
    let stack = r#"{"authority": "https://login.windows.net", "resourceManager": "https://arm.a"}"#;
    for (choice, host, expected) in [
        (None, None, PUBLIC),
        (None, Some("https://login.microsoftonline.com/"), PUBLIC),
        (None, Some("login.windows.net"), PUBLIC),
        (None, Some("https://login.microsoftonline.us/"), GOVERNMENT),
        (None, Some("https://login.partner.microsoftonline.cn"), CHINA),
        (Some("usgovernment"), None, GOVERNMENT),
        (Some("usgovernment"), Some("https://login.microsoftonline.us"), GOVERNMENT),
        (Some("china"), Some("https://LOGIN.partner.microsoftonline.cn/x"), CHINA),
        (Some("usgovernment"), Some("https://login.microsoftonline.com/"), refused),
        // Azure Stack with the public Entra ID, on AKS.
        (
            Some(stack),
            Some("https://login.microsoftonline.com/"),
            "at https://arm.a: https://login.windows.net https://arm.a/.default []",
        ),
        (
            None,
            Some("https://login.corp.example"),
            "AZURE_AUTHORITY_HOST is \"https://login.corp.example\", which belongs to no cloud that Bindery knows: say with --cloud where its Azure Resource Manager is",
        ),
        (
            None,
            Some("http://login.microsoftonline.com"),
            "AZURE_AUTHORITY_HOST \"http://login.microsoftonline.com\" is not usable: it is not https",
        ),
        (
            None,
            Some("https://login.microsoftonline.com:8443"),
            "AZURE_AUTHORITY_HOST is \"https://login.microsoftonline.com:8443\", which belongs to no cloud that Bindery knows: say with --cloud where its Azure Resource Manager is",
        ),
    ] {
        let chosen = choice.map(|text| match text.parse() {
            Ok(CloudChoice::Cloud(cloud)) => cloud,
            other => unreachable!("{other:?}"),
        });
        let agreed = Cloud::agreed(chosen, host);
        assert_eq!(
            agreed.map_or_else(|error| error.to_string(), |cloud| short(&cloud)),
            expected,
            "{host:?}"
        );
    }
}

#[test]
fn a_document_of_endpoints_says_where_a_cloud_is() {
    let entry = |name: &str, arm: &str, login: &str, audiences: &[&str]| {
        json!({"name": name, "resourceManager": arm, "portal": "https://p", "suffixes": {},
            "authentication": {"loginEndpoint": login, "audiences": audiences, "tenant": "common", "identityProvider": "AAD"}})
    };
    let public = entry(
        "AzureCloud",
        "https://management.azure.com/",
        "https://login.microsoftonline.com",
        &["https://management.core.windows.net/", "https://management.azure.com/"],
    );
    let stack =
        entry("Stack", "https://management.s/", "https://login.windows.net/", &["https://mgmt.s/guid"]);
    // Of api-version 2015-01-01, as Azure Stack Hub has it.
    let old = json!({"galleryEndpoint": "https://g", "graphEndpoint": "https://graph", "portalEndpoint": "https://p",
        "authentication": {"loginEndpoint": "https://login.windows.net/", "audiences": ["https://mgmt.s/guid"]}});
    let mut adfs = stack.clone();
    adfs["authentication"]["loginEndpoint"] = "https://adfs.s/adfs".into();
    let at_stack = "at https://management.s: https://login.windows.net https://mgmt.s/guid/.default []";
    let at_public = "at https://management.azure.com: https://login.microsoftonline.com https://management.azure.com/.default []";
    for (url, document, expected) in [
        ("https://management.s/metadata/endpoints", json!([stack]), at_stack),
        ("https://mirror.example/stack.json", stack.clone(), at_stack),
        ("https://management.s/metadata/endpoints", json!([public, stack]), at_stack),
        ("https://management.azure.com/metadata/endpoints", json!([stack, public]), at_public),
        ("https://management.s/metadata/endpoints?api-version=2015-01-01", old, at_stack),
        (
            "https://mirror.example/all.json",
            json!([stack, public]),
            "it describes the clouds [Stack, AzureCloud], and none of them has its Azure Resource Manager at this host",
        ),
        (
            "https://management.s/metadata/endpoints",
            adfs,
            "its loginEndpoint https://adfs.s/adfs is AD FS, and Bindery gets tokens from Entra ID only",
        ),
        (
            "https://m.s/",
            entry("x", "http://m.s", "https://l.s", &[]),
            "resourceManager \"http://m.s\" is not usable: it is not https",
        ),
        (
            "https://m.s/",
            entry("x", "https://m.s", "http://l.s", &[]),
            "authority \"http://l.s\" is not usable: it is not https",
        ),
        (
            "https://m.s/",
            entry("x", "https://m.s", "https://l.s", &[]),
            "at https://m.s: https://l.s https://m.s/.default []",
        ),
        (
            "https://m.s/",
            entry("x", "https://m.s", "https://l.s", &["none"]),
            "audience \"none\" is not usable: relative URL without a base",
        ),
        (
            "https://m.s/",
            json!({"error": {"code": "no"}}),
            "it is no document of endpoints: missing field `authentication`",
        ),
        (
            "https://m.s/",
            json!([]),
            "it describes the clouds [], and none of them has its Azure Resource Manager at this host",
        ),
    ] {
        let url = Url::parse(url).expect("a URL");
        let cloud = described(&url, document.to_string().as_bytes());
        assert_eq!(cloud.map_or_else(|why| why, |cloud| short(&cloud)), expected);
    }
    let url = Url::parse("https://m.s/").expect("a URL");
    assert_eq!(described(&url, b"<html>"), Err("it is not JSON".into()));
}

/// Signed URLs go to the storage accounts of the cloud, wherever it is said what their names end with.
#[test]
fn a_cloud_of_ones_own_says_where_its_storage_is() {
    let written = |suffix: &str| {
        let text = format!(r#"{{"authority": "https://l.s", "resourceManager": "https://m.s"{suffix}}}"#);
        match text.parse().expect("a cloud") {
            CloudChoice::Cloud(cloud) => cloud,
            other @ CloudChoice::Metadata(_) => unreachable!("{other:?}"),
        }
    };
    let document = |suffixes: serde_json::Value| {
        let body = json!({"resourceManager": "https://m.s", "suffixes": suffixes, "authentication": {"loginEndpoint": "https://l.s"}});
        described(&Url::parse("https://m.s/").expect("a URL"), body.to_string().as_bytes()).expect("a cloud")
    };
    for (cloud, opens) in [
        (Cloud::public(), false),
        (written(""), false),
        (written(r#", "storageSuffix": "store.s:8443""#), true),
        (document(json!({})), false),
        (document(json!({"storage": ""})), false),
        (document(json!({"storage": "store.s:8443"})), true),
    ] {
        let hosts = cloud.storage_hosts().expect("hosts");
        assert_eq!(hosts.check("https://acct.blob.store.s:8443/c?sig=x").is_ok(), opens, "{cloud:?}");
        assert!(
            cloud.hosts().expect("hosts").check("https://acct.blob.store.s:8443/c", "a nextLink").is_err()
        );
    }
    let bad = r#"{"authority": "https://l.s", "resourceManager": "https://m.s", "storageSuffix": "a/b"}"#;
    assert_eq!(
        chosen(bad),
        r#"storage host "*.blob.a/b" is not usable: it has to be host, host:port or *.suffix"#
    );
}
