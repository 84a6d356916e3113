//! Positions on what nobody has recorded. A client should work with either position of each.

use std::fmt;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use super::bounds;

/// Positions on what the contract marks [INF]. The default is the likelier one; [`opposite`](Self::opposite) is the
/// other one of every switch. A status is one of a refusal: 400 to 599. In a seed file `inferred` is an object with some of these fields, or the word
/// `default` or `opposite`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
#[allow(clippy::struct_excessive_bools)]
pub struct Inferred {
    /// Status of "Asset paths cannot be updated.". Default 400.
    #[serde(deserialize_with = "bounds::asset_path_status")]
    pub asset_path_status: u16,
    /// Status of a PUT that changes what is fixed of a version, as an environment's image. Default 409.
    #[serde(deserialize_with = "bounds::asset_fixed_field_status")]
    pub asset_fixed_field_status: u16,
    /// A PUT of a version without `stage` sets it to Development; otherwise it stays. Default true.
    pub absent_stage_resets: bool,
    /// A PUT of a version without `jobName` clears it; otherwise it stays. Default false.
    pub absent_job_name_clears: bool,
    /// A `modelUri` of a job that does not exist is refused. Default true.
    pub job_uri_must_exist: bool,
    /// DELETE of a job is an operation; otherwise it is gone at once. Default false.
    pub job_delete_asynchronous: bool,
    /// Publish takes description, tags, properties and stage along. Default false.
    pub publish_copies_metadata: bool,
    /// Publish takes `jobName` along, though the job is in another place. Default false.
    pub publish_copies_job_name: bool,
    /// Status of a publish to a version that exists or is being published. Default 409.
    #[serde(deserialize_with = "bounds::publish_conflict_status")]
    pub publish_conflict_status: u16,
    /// Publish is answered with `Azure-AsyncOperation` beside `Location`. Default true.
    pub publish_names_status_url: bool,
    /// A registry refuses a datastore's or job's URI (§H.1). Default true.
    pub registry_refuses_foreign_paths: bool,
    /// A registry's asset id over ARM is `azureml://registries/…`, as over the other door: "standard" to the service's own
    /// team (Azure/azure-sdk-for-net#46046, of a container of data); otherwise its ARM id. Default true.
    pub registry_asset_id_as_uri: bool,
    /// PUT of a new asset version in a registry is an operation; otherwise it is there at once. Default true.
    pub registry_asset_create_asynchronous: bool,
    /// PUT of an existing asset version in a registry is an operation. Default false: it is done at once.
    pub registry_asset_update_asynchronous: bool,
    /// PUT of an asset version in a registry over ARM is answered by 202 with nothing in it and `Location`; otherwise by
    /// 201 or 200 with the version, as documented. Default false.
    pub registry_asset_put_accepted: bool,
    /// The same at azure-ai-ml's own door, `/mferp/managementfrontend`, where its clients up to 1.34.1 take nothing but a 202
    /// of a version, and nothing but a 201 of a container, new or not [CLI]. Default true.
    pub data_plane_put_accepted: bool,
    /// PUT of an asset container in a registry is an operation. Default false: it is done at once.
    pub registry_container_asynchronous: bool,
    /// A registry that holds versions of assets can be deleted, with them. Default true.
    pub registry_delete_with_assets: bool,
    /// A registry PUT is answered by 202 with nothing in it, as recorded; otherwise by 201
    /// (hashicorp/terraform-provider-azurerm#30835), of which nobody tells that it has the registry and the same
    /// headers. Default true.
    pub registry_put_accepted: bool,
    /// A registry PUT that omits a region removes it; otherwise only removeRegions does. Default false.
    pub registry_put_removes_regions: bool,
    /// A tag that is there keeps the spelling of its name when a request spells it in another case; otherwise it takes
    /// that of the request. There is one of both in either position. Default true (turbot/guardrails-samples#871).
    pub tag_spelling_stays: bool,
    /// A registry can be seen while it is being created, without accounts. Default true.
    pub registry_visible_while_creating: bool,
    /// A registry whose creation failed stays, without accounts, until a PUT has made them. Default false: it
    /// is gone.
    pub registry_failed_creation_stays: bool,
    /// An endpoint is deleted with its deployments; otherwise its deletion is refused (409) while it has any.
    /// Default true.
    pub endpoint_delete_cascades: bool,
    /// Deleting a deployment that has traffic is refused. Default true.
    pub delete_with_traffic_refused: bool,
    /// Status of that refusal. Default 409.
    #[serde(deserialize_with = "bounds::delete_with_traffic_status")]
    pub delete_with_traffic_status: u16,
    /// Text of that refusal.
    pub delete_with_traffic_message: String,
    /// Status of a second change while one runs on the endpoint. Default 409.
    #[serde(deserialize_with = "bounds::busy_status")]
    pub busy_status: u16,
    /// The endpoint itself says Updating while one of its deployments changes. Default false.
    pub endpoint_updating_with_deployment: bool,
    /// A custom model of a registry is served only in an environment, as a workspace's is. Default false.
    pub registry_model_needs_environment: bool,
    /// A PUT of a deployment without the environment that it needs is refused; otherwise its operation fails. Default
    /// false.
    pub environment_needed_at_once: bool,
    /// A `traffic` that names a deployment which is not Succeeded is refused. Default true.
    pub traffic_needs_succeeded: bool,
    /// A batch endpoint's default deployment must be there when a PUT names it for the first time; otherwise any name is
    /// taken. Default true.
    pub batch_default_must_exist: bool,
    /// The properties of a batch job name its endpoint and its deployment (`azureml.endpointname`, `azureml.deploymentname`). Default true.
    pub batch_jobs_name_deployment: bool,
    /// A batch invocation that names its job (`properties.name`) gets a job of that name; otherwise the name is the service's. Default true.
    pub batch_invocation_names_job: bool,
    /// Azure Monitor counts mirrored requests too, with what they came to. Default false.
    pub metrics_count_mirrored: bool,
    /// NaN and Infinity among a run's metrics come as strings; otherwise as null. Default true.
    pub nan_as_text: bool,
    /// A failed operation tells its code as prefix of the message, with a null `code`; otherwise in `code`.
    /// Default true.
    pub failure_code_in_message: bool,
    /// An operation URL that has run out answers 410; otherwise 404. Default false.
    pub expired_operation_gone: bool,
    /// The 404s of ARM's front door have codes of their own, such as `SubscriptionNotFound`; otherwise all say
    /// `NotFound`. Default true.
    pub front_door_codes: bool,
    /// `x-ms-client-request-id` is echoed when `x-ms-return-client-request-id: true` asks for it; otherwise never.
    /// Default true.
    pub client_request_id_echoed: bool,
}

const HAS_TRAFFIC: [&str; 2] = [
    "Deployment has traffic. Set its traffic to 0 before deleting it.",
    "The deployment cannot be deleted because the endpoint routes traffic to it.",
];

impl Default for Inferred {
    fn default() -> Self {
        Self {
            asset_path_status: 400,
            asset_fixed_field_status: 409,
            absent_stage_resets: true,
            absent_job_name_clears: false,
            job_uri_must_exist: true,
            job_delete_asynchronous: false,
            publish_copies_metadata: false,
            publish_copies_job_name: false,
            publish_conflict_status: 409,
            publish_names_status_url: true,
            registry_refuses_foreign_paths: true,
            registry_asset_id_as_uri: true,
            registry_asset_create_asynchronous: true,
            registry_asset_update_asynchronous: false,
            registry_asset_put_accepted: false,
            data_plane_put_accepted: true,
            registry_container_asynchronous: false,
            registry_delete_with_assets: true,
            registry_put_accepted: true,
            registry_put_removes_regions: false,
            tag_spelling_stays: true,
            registry_visible_while_creating: true,
            registry_failed_creation_stays: false,
            endpoint_delete_cascades: true,
            delete_with_traffic_refused: true,
            delete_with_traffic_status: 409,
            delete_with_traffic_message: HAS_TRAFFIC[0].to_owned(),
            busy_status: 409,
            endpoint_updating_with_deployment: false,
            registry_model_needs_environment: false,
            environment_needed_at_once: false,
            traffic_needs_succeeded: true,
            batch_default_must_exist: true,
            batch_jobs_name_deployment: true,
            batch_invocation_names_job: true,
            metrics_count_mirrored: false,
            nan_as_text: true,
            failure_code_in_message: true,
            expired_operation_gone: false,
            front_door_codes: true,
            client_request_id_echoed: true,
        }
    }
}

impl Inferred {
    /// Every switch turned: what is done is not done, 400 is 409 and any other status 400, and a text is another.
    /// A switch that this forgets does not compile.
    #[must_use]
    pub fn opposite(self) -> Self {
        let Self {
            asset_path_status,
            asset_fixed_field_status,
            absent_stage_resets,
            absent_job_name_clears,
            job_uri_must_exist,
            job_delete_asynchronous,
            publish_copies_metadata,
            publish_copies_job_name,
            publish_conflict_status,
            publish_names_status_url,
            registry_refuses_foreign_paths,
            registry_asset_id_as_uri,
            registry_asset_create_asynchronous,
            registry_asset_update_asynchronous,
            registry_asset_put_accepted,
            data_plane_put_accepted,
            registry_container_asynchronous,
            registry_delete_with_assets,
            registry_put_accepted,
            registry_put_removes_regions,
            tag_spelling_stays,
            registry_visible_while_creating,
            registry_failed_creation_stays,
            endpoint_delete_cascades,
            delete_with_traffic_refused,
            delete_with_traffic_status,
            delete_with_traffic_message,
            busy_status,
            endpoint_updating_with_deployment,
            registry_model_needs_environment,
            environment_needed_at_once,
            traffic_needs_succeeded,
            batch_default_must_exist,
            batch_jobs_name_deployment,
            batch_invocation_names_job,
            metrics_count_mirrored,
            nan_as_text,
            failure_code_in_message,
            expired_operation_gone,
            front_door_codes,
            client_request_id_echoed,
        } = self;
        let other = |status| if status == 400 { 409 } else { 400 };
        let words = usize::from(delete_with_traffic_message == HAS_TRAFFIC[0]);
        Self {
            asset_path_status: other(asset_path_status),
            asset_fixed_field_status: other(asset_fixed_field_status),
            absent_stage_resets: !absent_stage_resets,
            absent_job_name_clears: !absent_job_name_clears,
            job_uri_must_exist: !job_uri_must_exist,
            job_delete_asynchronous: !job_delete_asynchronous,
            publish_copies_metadata: !publish_copies_metadata,
            publish_copies_job_name: !publish_copies_job_name,
            publish_conflict_status: other(publish_conflict_status),
            publish_names_status_url: !publish_names_status_url,
            registry_refuses_foreign_paths: !registry_refuses_foreign_paths,
            registry_asset_id_as_uri: !registry_asset_id_as_uri,
            registry_asset_create_asynchronous: !registry_asset_create_asynchronous,
            registry_asset_update_asynchronous: !registry_asset_update_asynchronous,
            registry_asset_put_accepted: !registry_asset_put_accepted,
            data_plane_put_accepted: !data_plane_put_accepted,
            registry_container_asynchronous: !registry_container_asynchronous,
            registry_delete_with_assets: !registry_delete_with_assets,
            registry_put_accepted: !registry_put_accepted,
            registry_put_removes_regions: !registry_put_removes_regions,
            tag_spelling_stays: !tag_spelling_stays,
            registry_visible_while_creating: !registry_visible_while_creating,
            registry_failed_creation_stays: !registry_failed_creation_stays,
            endpoint_delete_cascades: !endpoint_delete_cascades,
            delete_with_traffic_refused: !delete_with_traffic_refused,
            delete_with_traffic_status: other(delete_with_traffic_status),
            delete_with_traffic_message: HAS_TRAFFIC[words].to_owned(),
            busy_status: other(busy_status),
            endpoint_updating_with_deployment: !endpoint_updating_with_deployment,
            registry_model_needs_environment: !registry_model_needs_environment,
            environment_needed_at_once: !environment_needed_at_once,
            traffic_needs_succeeded: !traffic_needs_succeeded,
            batch_default_must_exist: !batch_default_must_exist,
            batch_jobs_name_deployment: !batch_jobs_name_deployment,
            batch_invocation_names_job: !batch_invocation_names_job,
            metrics_count_mirrored: !metrics_count_mirrored,
            nan_as_text: !nan_as_text,
            failure_code_in_message: !failure_code_in_message,
            expired_operation_gone: !expired_operation_gone,
            front_door_codes: !front_door_codes,
            client_request_id_echoed: !client_request_id_echoed,
        }
    }

    /// The position that a word names: `default` or `opposite`.
    pub fn named(word: &str) -> Option<Self> {
        match word {
            "default" => Some(Self::default()),
            "opposite" => Some(Self::default().opposite()),
            _ => None,
        }
    }
}

/// Reads a word or the fields.
pub(crate) fn given<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Inferred, D::Error> {
    struct Given;

    impl<'de> Visitor<'de> for Given {
        type Value = Inferred;

        fn expecting(&self, to: &mut fmt::Formatter) -> fmt::Result {
            to.write_str("the word default or opposite, or an object of switches")
        }

        fn visit_str<E: Error>(self, word: &str) -> Result<Inferred, E> {
            Inferred::named(word).ok_or_else(|| E::unknown_variant(word, &["default", "opposite"]))
        }

        fn visit_map<M: MapAccess<'de>>(self, fields: M) -> Result<Inferred, M::Error> {
            Inferred::deserialize(MapAccessDeserializer::new(fields))
        }
    }

    deserializer.deserialize_any(Given)
}
