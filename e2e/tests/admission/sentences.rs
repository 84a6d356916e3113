//! What the API server says of a text that has not the form of its field.

pub const SUBSCRIPTION: &str = "must be the subscription's id, not its name, such as 12345678-90ab-cdef-1234-567890abcdef; `az account show` prints it as id";
pub const RESOURCE_GROUP: &str = "must be the resource group's name: letters (a-z, A-Z), digits, '-', '_', '.', '(' and ')', without a '.' at the end, such as ml-prod";
pub const PLACE_NAME: &str = "must be 3 to 33 letters (a-z, A-Z), digits, '-' and '_', with a letter or digit first, such as fares-models";
pub const REGION: &str = "must be the short name of an Azure region: lower-case letters and digits, without spaces, such as eastus or westeurope";
pub const TIER: &str = "must be one word of letters (a-z, A-Z), digits, '-', '_' and '.', with a letter or digit at both ends, such as production";
pub const ACCOUNT_NAME: &str = "must be the name of a ServiceAccount of this namespace: lower-case letters, digits, '-' and '.', with a letter or digit at both ends, such as fares-azure";
pub const ENTRY_NAME: &str =
    "must be lower-case letters, digits and '-', with a letter or digit at both ends, such as released";
pub const MODEL_GLOB: &str = "must be the name of a model, in which '*' stands for any characters and '?' for one: letters (a-z, A-Z), digits, '-', '_', '*' and '?', such as nyc-*";
pub const PUBLISHER_MODEL: &str = "must be the name of a model, in which '*' stands for any characters: letters (a-z, A-Z), digits, '-', '_' and '*', such as nyc-*";
pub const PUBLISHER_ENDPOINT: &str = "must be the name of an endpoint, in which '*' stands for any characters: letters (a-z, A-Z), digits, '-' and '*', such as nyc-*";
pub const IDENTITY: &str = "must be the ARM id of a user-assigned identity: /subscriptions/<id>/resourceGroups/<group>/providers/Microsoft.ManagedIdentity/userAssignedIdentities/<name>; '%' is not allowed";
pub const ENVIRONMENT_GLOB: &str = "must be the id of an environment's version, in which '*' stands for any characters: azureml://registries/<registry>/environments/<name>/versions/* or /subscriptions/<id>/resourceGroups/<group>/providers/Microsoft.MachineLearningServices/workspaces/<workspace>/environments/<name>/versions/*; or it begins with '*'";
pub const IDENTITY_GLOB: &str = "must be the ARM id of a user-assigned identity, in which '*' stands for any characters: /subscriptions/<id>/resourceGroups/<group>/providers/Microsoft.ManagedIdentity/userAssignedIdentities/<name>; or it begins with '*'";

pub const OBJECT_NAME: &str = "must be the name of an object: lower-case letters, digits, '-' and '.', with a letter or digit at both ends, such as taxi-fare-3";
pub const NAMESPACE: &str = "must be the name of a namespace: lower-case letters, digits and '-', with a letter or digit at both ends, such as fares";
pub const LABEL_KEY: &str = "must be a label key: at most 63 letters (a-z, A-Z), digits, '-', '_' and '.', with a letter or digit at both ends, and before it, where there is one, a domain and '/', such as team or example.com/team";
pub const LABEL_VALUE: &str = "must be a label value: at most 63 letters (a-z, A-Z), digits, '-', '_' and '.', with a letter or digit at both ends, or empty; such as fares";

pub const MODEL_NAME: &str =
    "must be letters (a-z, A-Z), digits, '-' and '_', with a letter or digit first, such as nyc-taxi-fare";
pub const VERSION: &str =
    "must be a whole number from 1 in quotes, without leading zeros, such as \"3\"; not v3 or 1.0";
pub const JOB_NAME: &str = "must be the job's name, not its display name: letters (a-z, A-Z), digits, '-' and '_', with a letter or digit first, such as taxi-train-3";
pub const JOB_FOLDER: &str = "must be a folder below the job's artifacts: names with single '/' between them and none at the ends, without '?', '#', '%', '\\' and control characters, such as outputs/model";
pub const MODEL_URI: &str = "must begin with azureml:// and have no spaces, '?', '#', '\\' and control characters, such as azureml://datastores/models/paths/taxi/3; a space is written as %20";
pub const FLAVOR_NAME: &str = "must be letters (a-z, A-Z), digits, '-', '_' and '.', with a letter or digit first, such as python_function";
pub const FLAVOR_KEY: &str =
    "keys must have 1 to 128 letters (a-z, A-Z), digits, '-', '_' and '.', such as sklearn_version";
pub const FLAVOR_VALUE: &str = "must be one line without control characters";
pub const DESCRIPTION: &str = "must have no control characters other than line breaks and tabs";
pub const SEEN: &str = "must have no characters that cannot be seen, such as zero-width spaces and marks that turn the direction of the text";
pub const STAGE: &str = "must be one line of at least one character, without tabs and other control characters, such as Production";
pub const TEAM: &str =
    "must be one line without spaces at its ends, tabs and other control characters, such as fares";
pub const CONTACT: &str = "must be one line without spaces at its ends, tabs and other control characters, such as fares-oncall@fares.example";
pub const COST_CENTER: &str =
    "must be one line without spaces at its ends, tabs and other control characters, such as 4711";
pub const TAG_VALUE: &str = "must be one line, without tabs and other control characters";

pub const METRIC: &str = "must be the name of a metric in one line, as the training run logged it, without tabs and other control characters, such as rmse";
pub const DECIMAL: &str = "must be a decimal number in quotes: at most 15 digits, with at most 15 more after a '.', perhaps with '-' before it, such as \"4.0\"; not 1e-3";
pub const MARGIN: &str = "must be a decimal number from 0 in quotes: at most 15 digits, with at most 15 more after a '.', such as \"0.1\"";

pub const END: &str = "must be a time from 1970 to 9998 such as 2027-03-31T00:00:00Z or 2027-03-31T02:00:00+02:00; for what never ends, leave it out";
pub const MOMENT: &str =
    "must be a time from 1970 to 9998 such as 2027-03-31T00:00:00Z or 2027-03-31T02:00:00+02:00";
pub const ASSET_ID: &str = "must be an asset id as status.assetId of a ModelVersion shows it: azureml://registries/<registry>/models/<model>/versions/<version>, or /subscriptions/<id>/resourceGroups/<group>/providers/Microsoft.MachineLearningServices/workspaces/<workspace>/models/<model>/versions/<version>";
pub const PERSON: &str = "must be the name of a user in one line, as the cluster knows them, such as ada@fares.example; `kubectl auth whoami` shows yours";
pub const DOCUMENT: &str = "must be an https URL without spaces, '@', '?', '#', '<', '>', quotes and '\\', such as https://reports.example/fares/3.pdf";
pub const SHA256: &str = "must be a SHA-256: 64 lower-case hexadecimal digits; `sha256sum` prints them";
pub const WAIVABLE_RULE: &str = "must be a rule that can be waived: Soak, Windows, or Gate/ and the name of a gate, such as Gate/rmse-bound";

pub const PROMETHEUS_ADDRESS: &str = "must be an http or https URL without spaces, '@', '?', '#', '<', '>', quotes and '\\', such as https://prometheus.monitoring:9090";
pub const HEADER_NAME: &str =
    "must be the name of a header: letters (a-z, A-Z), digits, '-' and '_', such as X-Scope-OrgID";
pub const HEADER_VALUE: &str =
    "must be one line of ASCII characters without spaces at its ends, such as fares";
pub const CERTIFICATES: &str = "must be certificates in PEM form: -----BEGIN CERTIFICATE-----, lines of base64, -----END CERTIFICATE-----";
pub const SECRET_KEY: &str =
    "must be a key of a Secret's data: letters (a-z, A-Z), digits, '-', '_' and '.', such as token";
pub const PROMETHEUS_QUERY: &str = "must be a PromQL expression, in which {{ deployment }}, {{ endpoint }} and {{ interval }} are filled in, and nothing else has two braces in a row";

pub const SCHEDULE: &str = "must be five fields of cron with single spaces between them: minute, hour, day of the month, month and day of the week, such as 0 18 * * 5 for Fridays at 18:00";
pub const TIME_ZONE: &str =
    "must be the name of a time zone in the IANA database, such as Europe/Berlin or UTC";

pub const REVISION: &str =
    "must be a revision: 10 hexadecimal digits, as status.revision of the DeploymentBinding shows it";
pub const STEP_NAME: &str = "must be the name of a step: at most 63 lower-case letters, digits and '-', with a letter or digit at both ends, such as shadow";

pub const ENDPOINT_NAME: &str = "must be 3 to 32 letters (a-z, A-Z), digits and single '-', with a letter first and no '-' at the end, such as taxi-fare";
pub const INSTANCE_TYPE: &str = "must be the name of a virtual machine size: letters (a-z, A-Z), digits, '-', '_' and '.', with a letter or digit first, such as Standard_DS3_v2";
pub const ENVIRONMENT: &str = "must be the id of an environment's version: /subscriptions/<id>/resourceGroups/<group>/providers/Microsoft.MachineLearningServices/workspaces/<workspace>/environments/<name>/versions/<version> or azureml://registries/<registry>/environments/<name>/versions/<version>, which may also end with labels/latest; '%' is not allowed; the short azureml:<name>:<version> is known only to Azure's own tools";
pub const CODE: &str = "must be the id of a code asset's version: /subscriptions/<id>/resourceGroups/<group>/providers/Microsoft.MachineLearningServices/workspaces/<workspace>/codes/<name>/versions/<version> or azureml://registries/<registry>/codes/<name>/versions/<version>; '%' is not allowed";
pub const SCRIPT: &str = "must be a path below the code's folder: names with single '/' between them and none at the ends, without '?', '#', '%', '\\' and control characters, such as src/score.py";
pub const VARIABLE_VALUE: &str =
    "must have no NUL character, which no environment variable can hold; line breaks are allowed";
pub const PERIOD: &str = "must be hours, minutes and seconds, in this order and each a whole number of at most 5 digits, such as 90s, 10m or 1h30m";

pub const AZURE_METRIC: &str = "must be a name as Azure Monitor has it: letters (a-z, A-Z), digits and '_', with a letter first, such as RequestLatency_P95";
pub const DIMENSION_VALUE: &str = "must be a value in one line, without quotes and '*', such as 5xx";
pub const EXPRESSION: &str = "must be a CEL expression of at least one character, without control characters other than line breaks and tabs, such as body.predictions[0] > 0.0";
pub const DATA_KEY: &str = "must be a key of a ConfigMap's data: letters (a-z, A-Z), digits, '-', '_' and '.', such as short-trip.json";
