//! What nobody has recorded of Azure ([INF] in azure-ml.md, a switch each in docs/emulator.md): every run
//! takes a position on each, and a client has to work with either. Only what a client could lean on is here.

use fastrand::Rng;

/// The position of one run on what is inferred.
#[allow(clippy::struct_excessive_bools)] // each is a question that Azure answers by yes or no
#[derive(Debug, Clone)]
pub struct Positions {
    /// A change while another runs: 400 instead of 409.
    pub busy_is_400: bool,
    /// A second publish: 409 instead of 400.
    pub publish_conflict_is_409: bool,
    /// Another path for a version that is there: 409 instead of 400.
    pub asset_path_is_409: bool,
    /// A version's PUT without a stage makes it Development.
    pub absent_stage_resets: bool,
    /// A version's PUT without a job name clears it.
    pub absent_job_name_clears: bool,
    /// A registration from a job that is not known is refused.
    pub job_uri_must_exist: bool,
    /// A copy comes with description, tags, properties and stage.
    pub publish_copies_metadata: bool,
    /// A copy comes with its job's name.
    pub publish_copies_job_name: bool,
    /// A registry takes no path that is not its own: a version comes there by publish only.
    pub registry_refuses_foreign_paths: bool,
    /// A registry's asset is named by a URI and not by its ARM id.
    pub registry_asset_id_as_uri: bool,
    /// A registry is deleted with what it holds.
    pub registry_delete_with_assets: bool,
    /// A region that a registry's PUT omits goes.
    pub registry_put_removes_regions: bool,
    /// An endpoint is deleted with its deployments.
    pub endpoint_delete_cascades: bool,
    /// A deployment with traffic is not deleted.
    pub delete_with_traffic_refused: bool,
    /// That refusal, and a traffic map that names what is not there: 409 instead of 400.
    pub refusal_is_409: bool,
    /// An endpoint says Updating while one of its deployments changes.
    pub endpoint_updating_with_deployment: bool,
    /// A traffic map that names what is not Succeeded is refused.
    pub traffic_needs_succeeded: bool,
    /// A batch job has the name that an invocation asks for.
    pub batch_invocation_names_job: bool,
    /// The properties of a batch job name its endpoint and its deployment.
    pub batch_jobs_name_deployment: bool,
}

impl Positions {
    /// Every other combination, by chance.
    pub fn by(rng: &mut Rng) -> Self {
        Self {
            busy_is_400: rng.bool(),
            publish_conflict_is_409: rng.bool(),
            asset_path_is_409: rng.bool(),
            absent_stage_resets: rng.bool(),
            absent_job_name_clears: rng.bool(),
            job_uri_must_exist: rng.bool(),
            publish_copies_metadata: rng.bool(),
            publish_copies_job_name: rng.bool(),
            registry_refuses_foreign_paths: rng.bool(),
            registry_asset_id_as_uri: rng.bool(),
            registry_delete_with_assets: rng.bool(),
            registry_put_removes_regions: rng.bool(),
            endpoint_delete_cascades: rng.bool(),
            delete_with_traffic_refused: rng.bool(),
            refusal_is_409: rng.bool(),
            endpoint_updating_with_deployment: rng.bool(),
            traffic_needs_succeeded: rng.bool(),
            batch_invocation_names_job: rng.bool(),
            batch_jobs_name_deployment: rng.bool(),
        }
    }
}
