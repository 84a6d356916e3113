//! The forms of what users write as text: how long it may be, what it may hold, and the sentence of a refusal.
//!
//! Each form is a rule in CEL and not a `pattern` of the schema: of a pattern, the API server shows only the regular
//! expression. A sentence completes "Invalid value:" and ends with an example where one helps.

use schemars::{Schema, SchemaGenerator, json_schema};
use serde_json::{Value, json};

/// The regular expression of a [period](super::Period), which has at least one of its parts.
pub(super) const PERIOD: &str =
    "^([0-9]{1,5}h([0-9]{1,5}m)?([0-9]{1,5}s)?|[0-9]{1,5}m([0-9]{1,5}s)?|[0-9]{1,5}s)$";

/// In a regular expression, the control characters of ASCII.
const CONTROL: &str = r"\x1f\x7f";

/// In a regular expression, what else nobody sees, and what turns the direction of a text. The two joiners are not among
/// it: whole languages are written with them.
const UNSEEN: &str = r"[\x{80}-\x{9f}\x{ad}\x{34f}\x{61c}\x{115f}\x{1160}\x{17b4}\x{17b5}\x{180e}\x{200b}\x{200e}\x{200f}\x{2028}-\x{202e}\x{2060}-\x{206f}\x{3164}\x{feff}\x{ffa0}\x{fff9}-\x{fffb}\x{e0000}-\x{e007f}]";

pub(super) const SEEN: &str = "must have no characters that cannot be seen, such as zero-width spaces and marks that turn the direction of the text";

macro_rules! forms {
    ($($name:ident, $most:literal, $pattern:expr, $says:expr;)+) => {$(
        pub(super) fn $name(_: &mut SchemaGenerator) -> Schema {
            // Whoever keeps out control characters keeps out whatever else nobody sees.
            let rules = [rule(&matches("self", $pattern), $says), rule(&seen("self"), SEEN)];
            let open = $pattern.contains(CONTROL);
            text($most, &rules[..if open { 2 } else { 1 }])
        }
    )+};
}

forms! {
    // Kubernetes.
    object_name, 253, "^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$",
        "must be the name of an object: lower-case letters, digits, '-' and '.', with a letter or digit at both ends, such as taxi-fare-3";
    namespace_name, 63, "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$",
        "must be the name of a namespace: lower-case letters, digits and '-', with a letter or digit at both ends, such as fares";
    step_name, 63, "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$",
        "must be the name of a step: at most 63 lower-case letters, digits and '-', with a letter or digit at both ends, such as shadow";
    label_value, 63, "^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$",
        "must be a label value: at most 63 letters (a-z, A-Z), digits, '-', '_' and '.', with a letter or digit at both ends, or empty; such as fares";

    // Places.
    subscription, 36, "^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$",
        "must be the subscription's id, not its name, such as 12345678-90ab-cdef-1234-567890abcdef; `az account show` prints it as id";
    resource_group, 90, r"^[-\w\._\(\)]*[-\w_\(\)]$",
        "must be the resource group's name: letters (a-z, A-Z), digits, '-', '_', '.', '(' and ')', without a '.' at the end, such as ml-prod";
    place_name, 33, r"^[a-zA-Z0-9][a-zA-Z0-9\-_]{2,32}$",
        "must be 3 to 33 letters (a-z, A-Z), digits, '-' and '_', with a letter or digit first, such as fares-models";
    region, 40, "^[a-z0-9]{3,}$",
        "must be the short name of an Azure region: lower-case letters and digits, without spaces, such as eastus or westeurope";
    tier, 63, "^[a-zA-Z0-9]([-a-zA-Z0-9_.]*[a-zA-Z0-9])?$",
        "must be one word of letters (a-z, A-Z), digits, '-', '_' and '.', with a letter or digit at both ends, such as production";
    account_name, 253, "^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$",
        "must be the name of a ServiceAccount of this namespace: lower-case letters, digits, '-' and '.', with a letter or digit at both ends, such as fares-azure";
    entry_name, 63, "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$",
        "must be lower-case letters, digits and '-', with a letter or digit at both ends, such as released";
    model_glob, 255, "^[a-zA-Z0-9_*?-]+$",
        "must be the name of a model, in which '*' stands for any characters and '?' for one: letters (a-z, A-Z), digits, '-', '_', '*' and '?', such as nyc-*";
    environment_glob, 1024, r"^(\*|(?i:/subscriptions/|azureml://registries/))[^\s?#\\\x00-\x1f\x7f]*$",
        "must be the id of an environment's version, in which '*' stands for any characters: azureml://registries/<registry>/environments/<name>/versions/* or /subscriptions/<id>/resourceGroups/<group>/providers/Microsoft.MachineLearningServices/workspaces/<workspace>/environments/<name>/versions/*; or it begins with '*'";
    identity_glob, 512, r"^(\*|(?i:/subscriptions/))[^\s?#\\\x00-\x1f\x7f]*$",
        "must be the ARM id of a user-assigned identity, in which '*' stands for any characters: /subscriptions/<id>/resourceGroups/<group>/providers/Microsoft.ManagedIdentity/userAssignedIdentities/<name>; or it begins with '*'";
    publisher_model, 255, "^[a-zA-Z0-9_*-]+$",
        "must be the name of a model, in which '*' stands for any characters: letters (a-z, A-Z), digits, '-', '_' and '*', such as nyc-*";
    publisher_endpoint, 32, "^[a-zA-Z0-9*-]+$",
        "must be the name of an endpoint, in which '*' stands for any characters: letters (a-z, A-Z), digits, '-' and '*', such as nyc-*";
    identity, 512, r"(?i)^/subscriptions/[^/?#%\\\s\x00-\x1f\x7f]+/resourceGroups/[^/?#%\\\s\x00-\x1f\x7f]+/providers/Microsoft\.ManagedIdentity/userAssignedIdentities/[^/?#%\\\s\x00-\x1f\x7f]+$",
        "must be the ARM id of a user-assigned identity: /subscriptions/<id>/resourceGroups/<group>/providers/Microsoft.ManagedIdentity/userAssignedIdentities/<name>; '%' is not allowed";

    // Versions.
    model_name, 255, r"^[a-zA-Z0-9][a-zA-Z0-9\-_]*$",
        "must be letters (a-z, A-Z), digits, '-' and '_', with a letter or digit first, such as nyc-taxi-fare";
    version, 10, "^[1-9][0-9]*$",
        "must be a whole number from 1 in quotes, without leading zeros, such as \"3\"; not v3 or 1.0";
    job_name, 255, r"^[a-zA-Z0-9][a-zA-Z0-9\-_]*$",
        "must be the job's name, not its display name: letters (a-z, A-Z), digits, '-' and '_', with a letter or digit first, such as taxi-train-3";
    job_folder, 1024, RELATIVE_PATH,
        "must be a folder below the job's artifacts: names with single '/' between them and none at the ends, without '?', '#', '%', '\\' and control characters, such as outputs/model";
    model_uri, 2048, r"^azureml://[^\s?#\\\x00-\x1f\x7f]+$",
        "must begin with azureml:// and have no spaces, '?', '#', '\\' and control characters, such as azureml://datastores/models/paths/taxi/3; a space is written as %20";
    description, 4096, r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*$",
        "must have no control characters other than line breaks and tabs";
    stage, 63, r"^[^\x00-\x1f\x7f]+$",
        "must be one line of at least one character, without tabs and other control characters, such as Production";
    tag_value, 256, r"^[^\x00-\x1f\x7f]*$",
        "must be one line, without tabs and other control characters";

    // Gates.
    metric_name, 255, r"^[^\x00-\x1f\x7f]+$",
        "must be the name of a metric in one line, as the training run logged it, without tabs and other control characters, such as rmse";
    decimal, 32, DECIMAL,
        "must be a decimal number in quotes: at most 15 digits, with at most 15 more after a '.', perhaps with '-' before it, such as \"4.0\"; not 1e-3";
    margin, 32, MARGIN,
        "must be a decimal number from 0 in quotes: at most 15 digits, with at most 15 more after a '.', such as \"0.1\"";
    owner_team, 63, ONE_LINE,
        "must be one line without spaces at its ends, tabs and other control characters, such as fares";
    owner_contact, 253, ONE_LINE,
        "must be one line without spaces at its ends, tabs and other control characters, such as fares-oncall@fares.example";
    cost_center, 63, ONE_LINE,
        "must be one line without spaces at its ends, tabs and other control characters, such as 4711";

    // Approvals.
    asset_id, 1024, r"^(azureml://registries/[^/\s?#\\\x00-\x1f\x7f]+|(?i)/subscriptions/[^/\s?#\\\x00-\x1f\x7f]+/resourceGroups/[^/\s?#\\\x00-\x1f\x7f]+/providers/Microsoft\.MachineLearningServices/workspaces/[^/\s?#\\\x00-\x1f\x7f]+)/(?i:models)/[a-zA-Z0-9][a-zA-Z0-9_-]*/(?i:versions)/[1-9][0-9]*$",
        "must be an asset id as status.assetId of a ModelVersion shows it: azureml://registries/<registry>/models/<model>/versions/<version>, or /subscriptions/<id>/resourceGroups/<group>/providers/Microsoft.MachineLearningServices/workspaces/<workspace>/models/<model>/versions/<version>";
    person, 253, r"^[^\s\p{C}]([^\p{C}]*[^\s\p{C}])?$",
        "must be the name of a user in one line, as the cluster knows them, such as ada@fares.example; `kubectl auth whoami` shows yours";
    document, 1024, r"^https://[^\s@?#\\<>\x22\x00-\x1f\x7f]+$",
        "must be an https URL without spaces, '@', '?', '#', '<', '>', quotes and '\\', such as https://reports.example/fares/3.pdf";
    sha256, 64, "^[0-9a-f]{64}$",
        "must be a SHA-256: 64 lower-case hexadecimal digits; `sha256sum` prints them";

    waivable_rule, 68, "^(Soak|Windows|Gate/[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)$",
        "must be a rule that can be waived: Soak, Windows, or Gate/ and the name of a gate, such as Gate/rmse-bound";

    // Metric providers.
    prometheus_address, 1024, r"^https?://[^/\s@?#\\<>\x22\x00-\x1f\x7f]+(/[^\s@?#\\<>\x22\x00-\x1f\x7f]*)?$",
        "must be an http or https URL without spaces, '@', '?', '#', '<', '>', quotes and '\\', such as https://prometheus.monitoring:9090";
    header_name, 64, "^[A-Za-z0-9][A-Za-z0-9_-]*$",
        "must be the name of a header: letters (a-z, A-Z), digits, '-' and '_', such as X-Scope-OrgID";
    header_value, 256, "^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$",
        "must be one line of ASCII characters without spaces at its ends, such as fares";
    certificates, 65536, r"^\s*-----BEGIN CERTIFICATE-----\s[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]+-----END CERTIFICATE-----\s*$",
        "must be certificates in PEM form: -----BEGIN CERTIFICATE-----, lines of base64, -----END CERTIFICATE-----";
    secret_key, 253, "^[-._a-zA-Z0-9]+$",
        "must be a key of a Secret's data: letters (a-z, A-Z), digits, '-', '_' and '.', such as token";

    // Windows.
    schedule, 128, r"(?i)^(\*(/[0-9]{1,2})?|[0-5]?[0-9](-[0-5]?[0-9](/[0-9]{1,2})?)?)(,[0-5]?[0-9](-[0-5]?[0-9](/[0-9]{1,2})?)?)* (\*(/[0-9]{1,2})?|([01]?[0-9]|2[0-3])(-([01]?[0-9]|2[0-3])(/[0-9]{1,2})?)?)(,([01]?[0-9]|2[0-3])(-([01]?[0-9]|2[0-3])(/[0-9]{1,2})?)?)* (\*(/[0-9]{1,2})?|(0?[1-9]|[12][0-9]|3[01])(-(0?[1-9]|[12][0-9]|3[01])(/[0-9]{1,2})?)?)(,(0?[1-9]|[12][0-9]|3[01])(-(0?[1-9]|[12][0-9]|3[01])(/[0-9]{1,2})?)?)* (\*(/[0-9]{1,2})?|(0?[1-9]|1[0-2]|[a-z]{3})(-(0?[1-9]|1[0-2]|[a-z]{3})(/[0-9]{1,2})?)?)(,(0?[1-9]|1[0-2]|[a-z]{3})(-(0?[1-9]|1[0-2]|[a-z]{3})(/[0-9]{1,2})?)?)* (\*(/[0-9]{1,2})?|([0-7]|[a-z]{3})(-([0-7]|[a-z]{3})(/[0-9]{1,2})?)?)(,([0-7]|[a-z]{3})(-([0-7]|[a-z]{3})(/[0-9]{1,2})?)?)*$",
        "must be five fields of cron with single spaces between them: minute, hour, day of the month, month and day of the week, such as 0 18 * * 5 for Fridays at 18:00";
    time_zone, 64, "^[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+)*$",
        "must be the name of a time zone in the IANA database, such as Europe/Berlin or UTC";

    // Rollouts.
    revision, 10, "^[0-9a-f]{10}$",
        "must be a revision: 10 hexadecimal digits, as status.revision of the DeploymentBinding shows it";
    data_key, 253, "^[-._a-zA-Z0-9]+$",
        "must be a key of a ConfigMap's data: letters (a-z, A-Z), digits, '-', '_' and '.', such as short-trip.json";
    azure_metric, 128, "^[a-zA-Z][a-zA-Z0-9_]*$",
        "must be a name as Azure Monitor has it: letters (a-z, A-Z), digits and '_', with a letter first, such as RequestLatency_P95";
    prometheus_query, 4096, r"^([^{\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|\{[^{\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|\{\{( (deployment|endpoint|interval) |deployment|endpoint|interval)\}\})+$",
        "must be a PromQL expression, in which {{ deployment }}, {{ endpoint }} and {{ interval }} are filled in, and nothing else has two braces in a row";
    dimension_value, 128, r"^[^\x27*\x00-\x1f\x7f]+$",
        "must be a value in one line, without quotes and '*', such as 5xx";
    expression, 1024, r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]+$",
        "must be a CEL expression of at least one character, without control characters other than line breaks and tabs, such as body.predictions[0] > 0.0";

    // Endpoints.
    endpoint_name, 32, "^[a-zA-Z](-[a-zA-Z0-9]|[a-zA-Z0-9]-?[a-zA-Z0-9])(-?[a-zA-Z0-9])*$",
        "must be 3 to 32 letters (a-z, A-Z), digits and single '-', with a letter first and no '-' at the end, such as taxi-fare";
    cluster, 1024, r"(?i)^/subscriptions/[^/\s?#%\\\x00-\x1f\x7f]+/resourceGroups/[^/\s?#%\\\x00-\x1f\x7f]+/providers/Microsoft\.MachineLearningServices/workspaces/[^/\s?#%\\\x00-\x1f\x7f]+/computes/[^/\s?#%\\\x00-\x1f\x7f]+$",
        "must be the ARM id of a compute cluster: /subscriptions/<id>/resourceGroups/<group>/providers/Microsoft.MachineLearningServices/workspaces/<workspace>/computes/<name>; '%' is not allowed";
    datastore_path, 2048, r"^azureml://datastores/[a-zA-Z0-9_-]+/paths/[^\s?#%\\\x00-\x1f\x7f]+$",
        "must be a path in a datastore of the workspace: azureml://datastores/<datastore>/paths/<path>, without spaces, '?', '#', '%', '\\' and control characters, such as azureml://datastores/workspaceblobstore/paths/taxi/sample";
    output_file, 255, "^[a-zA-Z0-9_][a-zA-Z0-9_.-]*$",
        "must be the name of a file: letters (a-z, A-Z), digits, '-', '_' and '.', with a letter, digit or '_' first, such as predictions.csv";
    instance_type, 64, "^[a-zA-Z0-9][a-zA-Z0-9_.-]*$",
        "must be the name of a virtual machine size: letters (a-z, A-Z), digits, '-', '_' and '.', with a letter or digit first, such as Standard_DS3_v2";
    environment, 1024, r"^((?i)/subscriptions/[^/\s?#%\\\x00-\x1f\x7f]+/resourceGroups/[^/\s?#%\\\x00-\x1f\x7f]+/providers/Microsoft\.MachineLearningServices/workspaces/[^/\s?#%\\\x00-\x1f\x7f]+/environments/[^/\s?#%\\\x00-\x1f\x7f]+/versions|azureml://registries/[^/\s?#%\\\x00-\x1f\x7f]+/environments/[^/\s?#%\\\x00-\x1f\x7f]+/(versions|labels))/[^/\s?#%\\\x00-\x1f\x7f]+$",
        "must be the id of an environment's version: /subscriptions/<id>/resourceGroups/<group>/providers/Microsoft.MachineLearningServices/workspaces/<workspace>/environments/<name>/versions/<version> or azureml://registries/<registry>/environments/<name>/versions/<version>, which may also end with labels/latest; '%' is not allowed; the short azureml:<name>:<version> is known only to Azure's own tools";
    compute, 1024, r"^(?i)/subscriptions/[^/\s?#%\\\x00-\x1f\x7f]+/resourceGroups/[^/\s?#%\\\x00-\x1f\x7f]+/providers/Microsoft\.MachineLearningServices/workspaces/[^/\s?#%\\\x00-\x1f\x7f]+/computes/[^/\s?#%\\\x00-\x1f\x7f]+$",
        "must be the ARM id of a cluster that is attached to the workspace: /subscriptions/<id>/resourceGroups/<group>/providers/Microsoft.MachineLearningServices/workspaces/<workspace>/computes/<name>; '%' is not allowed";
    processors, 16, "^([0-9]+m|[0-9]+([.][0-9]+)?)$",
        "must be a number of processors, such as 2 or 500m";
    memory, 16, "^[0-9]+([.][0-9]+)?(Ki|Mi|Gi|Ti|k|M|G|T)?$",
        "must be an amount of memory, such as 4Gi";
    gpus, 4, "^[1-9][0-9]*$",
        "must be a number of GPUs in quotes, such as \"1\"";
    code, 1024, r"^((?i)/subscriptions/[^/\s?#%\\\x00-\x1f\x7f]+/resourceGroups/[^/\s?#%\\\x00-\x1f\x7f]+/providers/Microsoft\.MachineLearningServices/workspaces/[^/\s?#%\\\x00-\x1f\x7f]+/codes/[^/\s?#%\\\x00-\x1f\x7f]+/versions|azureml://registries/[^/\s?#%\\\x00-\x1f\x7f]+/codes/[^/\s?#%\\\x00-\x1f\x7f]+/versions)/[^/\s?#%\\\x00-\x1f\x7f]+$",
        "must be the id of a code asset's version: /subscriptions/<id>/resourceGroups/<group>/providers/Microsoft.MachineLearningServices/workspaces/<workspace>/codes/<name>/versions/<version> or azureml://registries/<registry>/codes/<name>/versions/<version>; '%' is not allowed";
    script, 255, RELATIVE_PATH,
        "must be a path below the code's folder: names with single '/' between them and none at the ends, without '?', '#', '%', '\\' and control characters, such as src/score.py";
    variable_value, 4096, r"^[^\x00]*$",
        "must have no NUL character, which no environment variable can hold; line breaks are allowed";
    flavor_name, 63, "^[a-zA-Z0-9][a-zA-Z0-9_.-]*$",
        "must be letters (a-z, A-Z), digits, '-', '_' and '.', with a letter or digit first, such as python_function";
    flavor_value, 256, r"^[^\x00-\x1f\x7f]*$",
        "must be one line without control characters";
    period, 16, PERIOD,
        "must be hours, minutes and seconds, in this order and each a whole number of at most 5 digits, such as 90s, 10m or 1h30m";
}

/// In a regular expression, a day that there is, of the years 1970 to 9998: what is later, Bindery's own clock cannot hold in
/// every time zone.
const DAY: &str = "((19[7-9][0-9]|[2-8][0-9]{3}|9[0-8][0-9]{2}|99[0-8][0-9]|999[0-8])-((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)|02-(0[1-9]|1[0-9]|2[0-8]))|(19(7[26]|8[048]|9[26])|[2-9][0-9](0[48]|[2468][048]|[13579][26])|([2468][048]|[3579][26])00)-02-29)";

/// In a regular expression, a time of day with its offset from UTC.
const CLOCK: &str =
    r"([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,9})?(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])";

/// A time, with a sentence of its own for what is wrong. The format `date-time` of the schema is not used: with it, the API
/// server takes times that its own rules, or Bindery, cannot read afterwards.
fn written_time(says: &str) -> Schema {
    text(35, &[rule(&matches("self", &format!("^{DAY}T{CLOCK}$")), says)])
}

/// When something ends, which may also be never.
pub(super) fn end(_: &mut SchemaGenerator) -> Schema {
    written_time(
        "must be a time from 1970 to 9998 such as 2027-03-31T00:00:00Z or 2027-03-31T02:00:00+02:00; for what never ends, leave it out",
    )
}

/// When something happened.
pub(super) fn moment(_: &mut SchemaGenerator) -> Schema {
    written_time("must be a time from 1970 to 9998 such as 2027-03-31T00:00:00Z or 2027-03-31T02:00:00+02:00")
}

/// A decimal number.
pub(super) const DECIMAL: &str = r"^-?[0-9]{1,15}(\.[0-9]{1,15})?$";
const MARGIN: &str = r"^[0-9]{1,15}(\.[0-9]{1,15})?$";
const RELATIVE_PATH: &str = r"^[^/?#%\\\x00-\x1f\x7f]+(/[^/?#%\\\x00-\x1f\x7f]+)*$";

const ONE_LINE: &str = r"^[^\s\x00-\x1f\x7f]([^\x00-\x1f\x7f]*[^\s\x00-\x1f\x7f])?$";

/// The key of a label, which is longer than its regular expression can count.
pub(super) fn label_key(_: &mut SchemaGenerator) -> Schema {
    text(317, &[rule(&is_label_key("self"), LABEL_KEY)])
}

pub(super) const LABEL_KEY: &str = "must be a label key: at most 63 letters (a-z, A-Z), digits, '-', '_' and '.', with a letter or digit at both ends, and before it, where there is one, a domain and '/', such as team or example.com/team";

/// In CEL, that a text is the key of a label.
pub(super) fn is_label_key(text: &str) -> String {
    const PATTERN: &str = r"^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$";
    format!("{} && {text}.indexOf('/') <= 253", matches(text, PATTERN))
}

/// A list of texts of one form.
fn list(most: usize, of: &Schema) -> Schema {
    json_schema!({"type": "array", "maxItems": most, "items": of})
}

pub(super) fn identities(generator: &mut SchemaGenerator) -> Schema {
    list(20, &identity(generator))
}

pub(super) fn tiers(generator: &mut SchemaGenerator) -> Schema {
    list(32, &tier(generator))
}

pub(super) fn gate_names(generator: &mut SchemaGenerator) -> Schema {
    list(20, &entry_name(generator))
}

/// Names of metrics, which have their form where they are defined.
pub(super) fn metrics_of_a_step(_: &mut SchemaGenerator) -> Schema {
    list(10, &text(63, &[]))
}

pub(super) fn dimension_values(generator: &mut SchemaGenerator) -> Schema {
    list(10, &dimension_value(generator))
}

pub(super) fn namespaces(generator: &mut SchemaGenerator) -> Schema {
    list(64, &namespace_name(generator))
}

pub(super) fn waivable_rules(generator: &mut SchemaGenerator) -> Schema {
    list(32, &waivable_rule(generator))
}

pub(super) fn model_globs(generator: &mut SchemaGenerator) -> Schema {
    list(64, &model_glob(generator))
}

pub(super) fn environment_globs(generator: &mut SchemaGenerator) -> Schema {
    list(64, &environment_glob(generator))
}

pub(super) fn identity_globs(generator: &mut SchemaGenerator) -> Schema {
    list(64, &identity_glob(generator))
}

pub(super) fn instance_types(generator: &mut SchemaGenerator) -> Schema {
    list(64, &instance_type(generator))
}

pub(super) fn publisher_models(generator: &mut SchemaGenerator) -> Schema {
    list(64, &publisher_model(generator))
}

pub(super) fn publisher_endpoints(generator: &mut SchemaGenerator) -> Schema {
    list(64, &publisher_endpoint(generator))
}

pub(super) fn label_values(generator: &mut SchemaGenerator) -> Schema {
    list(32, &label_value(generator))
}

/// In CEL, that a text matches a regular expression.
pub(super) fn matches(text: &str, pattern: &str) -> String {
    format!("{text}.matches(r'{pattern}')")
}

/// In CEL, that everything in a text can be seen.
pub(super) fn seen(text: &str) -> String {
    format!("!{}", matches(text, UNSEEN))
}

fn rule(rule: &str, says: &str) -> Value {
    json!({"rule": rule, "message": says})
}

fn text(most: usize, rules: &[Value]) -> Schema {
    json_schema!({"type": "string", "maxLength": most, "x-kubernetes-validations": rules})
}
