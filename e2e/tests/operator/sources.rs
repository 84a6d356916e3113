//! Where versions come from: of each type, in a circle, and across subscriptions.

use bindery::api::{DeploymentBinding, ModelVersion, Registry};
use e2e::stand::{GROUP, StandOptions, emulator_config, ready};
use serde_json::json;

use crate::answers::ask;
use crate::copies;
use crate::taxi::{serve, with};
use crate::{Outcome, taxi};

/// Another subscription of the same tenant.
const OTHER: &str = "00000000-0000-0000-0000-000000000002";

#[tokio::test(flavor = "multi_thread")]
async fn every_type_of_a_model_is_registered_and_serves() -> Outcome {
    let stand = taxi::stand("sources-types").await?;
    stand.apply("Workspace", "fares-prod", json!({"azure": taxi::azure()})).await?;
    // What has no MLflow metadata brings its own environment and code.
    let own = json!({"online": {"deployment": {
        "environment": "azureml://registries/azureml/environments/sklearn-1.5/versions/1",
        "code": {"id": "azureml://registries/fares-models/codes/score/versions/1", "scoringScript": "score.py"},
    }}});
    for (n, kind, told) in [("1", "Custom", "custom_model"), ("2", "Triton", "triton_model")] {
        let name = format!("taxi-{n}");
        let spec = with(taxi::from_uri(n), json!({"type": kind}));
        stand.apply("ModelVersion", &name, spec).await?;
        stand.wait_for::<ModelVersion>(&name, "Ready", ready).await?;
        let path = format!("workspaces/fares-prod/models/taxi/versions/{n}");
        assert_eq!(stand.azure_field(&path, "/properties/modelType"), told);
        let binding = taxi::binding(&name);
        let binding = if kind == "Custom" { with(binding, own.clone()) } else { binding };
        let deployment = serve(&stand, binding).await?;
        assert_eq!(
            stand.azure_field(&taxi::deployment(&deployment), "/properties/model"),
            e2e::stand::azure_id(&path)
        );
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn versions_that_name_each_other_as_their_source_say_so() -> Outcome {
    let stand = taxi::stand("sources-circle").await?;
    for registry in ["fares-models", "released"] {
        stand.apply("Registry", registry, taxi::registry()).await?;
        stand.wait_for::<Registry>(registry, "Ready", ready).await?;
    }
    let from = |registry: &str, source: &str| {
        let named =
            json!({"registryRef": {"name": registry}, "source": {"modelVersionRef": {"name": source}}});
        with(taxi::promoted("1"), named)
    };
    stand.apply("ModelVersion", "one", from("fares-models", "two")).await?;
    stand.apply("ModelVersion", "two", from("released", "one")).await?;
    let before = stand.writes();
    for name in ["one", "two"] {
        let said = |v: &ModelVersion| {
            let ready = e2e::stand::condition(v, "Ready");
            ready.is_some_and(|(_, _, message)| message.contains("leads back to this object"))
        };
        stand.wait_for::<ModelVersion>(name, "told of the circle", said).await?;
    }
    assert_eq!(stand.writes(), before, "nothing is asked of Azure");
    // Nothing was made of either, so both objects can be deleted.
    for name in ["one", "two"] {
        stand.delete_and_wait::<ModelVersion>(name).await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_is_copied_into_a_registry_of_another_subscription_and_serves_from_there() -> Outcome {
    let mut emulator = emulator_config(100.0);
    emulator.exists.subscriptions.insert(OTHER.into(), vec![GROUP.into()]);
    let options = StandOptions { emulator, ..StandOptions::default() };
    let stand = taxi::stand_with("sources-across", options).await?;
    let adopting = with(taxi::registry(), json!({"adoption": "Allow"}));
    stand.apply("Registry", "fares-models", adopting).await?;
    let elsewhere = with(taxi::registry(), json!({"azure": {"subscriptionId": OTHER}}));
    stand.apply("Registry", "released", elsewhere).await?;
    for name in ["fares-models", "released"] {
        stand.wait_for::<Registry>(name, "Ready", ready).await?;
    }
    copies::somebody_registers(&stand, copies::SOURCE, &copies::FILES, &json!({}))?;
    stand.apply("ModelVersion", "taxi-1", copies::existing()).await?;
    stand.apply("ModelVersion", "taxi-1-released", copies::copied()).await?;
    stand.wait_for::<ModelVersion>("taxi-1-released", "Ready", ready).await?;
    let path = format!(
        "/subscriptions/{OTHER}/resourceGroups/{GROUP}/providers/Microsoft.MachineLearningServices/{}",
        copies::COPY
    );
    let copy = stand.emulator.control().resource(&path).ok_or("the copy is in the other subscription")?;
    assert_eq!(
        copy["properties"]["tags"]["bindery-owner"],
        format!("stand/{}/taxi-1-released", stand.namespace)
    );

    stand.apply("Workspace", "fares-prod", json!({"azure": taxi::azure()})).await?;
    let deployment = serve(&stand, taxi::binding("taxi-1-released")).await?;
    let binding = stand.api::<DeploymentBinding>().get("taxi").await?;
    let served = crate::taxi::status(&binding).stable.and_then(|it| it.asset_id);
    assert_eq!(
        served.as_deref(),
        Some("azureml://registries/released/models/taxi/versions/1"),
        "{deployment}"
    );
    let told = ask(&stand.kubeconfig, &["lineage", "taxi-1-released", "-n", &stand.namespace]).await?;
    assert!(told.out.contains(&format!("ModelVersion {}/taxi-1 ", stand.namespace)), "{}", told.out);
    Ok(())
}
