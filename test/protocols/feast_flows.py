"""Flows of the real Feast SDK and of its gRPC stubs against a Strata; prints one JSON line per flow.

The SDK's online store is of type `remote` and points at Strata; its registry is a local file that defines the views of
test/scenarios/feast-app.ts as a Feast user would.
"""
import argparse
import json
import os
import sys
import tempfile
import traceback
from datetime import datetime, timedelta, timezone

import grpc
import pandas as pd
from feast import Entity, FeatureService, FeatureStore, FeatureView, Field, FileSource, PushSource, RequestSource, ValueType
from feast.data_source import PushMode
from feast.errors import FeatureServiceNotFoundException, FeatureViewNotFoundException
from feast.infra.online_stores.remote import RemoteOnlineStore
from feast.on_demand_feature_view import on_demand_feature_view
from feast.protos.feast.serving import GrpcServer_pb2, GrpcServer_pb2_grpc, ServingService_pb2, ServingService_pb2_grpc
from feast.protos.feast.types.Value_pb2 import RepeatedValue, Value
from feast.types import Bool, Float64, Int64, String

arguments = argparse.ArgumentParser()
arguments.add_argument("--http", required=True)
arguments.add_argument("--grpc", required=True)
options = arguments.parse_args()
os.environ["FEAST_USAGE"] = "False"

folder = tempfile.mkdtemp(prefix="feast-flows-")
with open(os.path.join(folder, "feature_store.yaml"), "w") as file:
    file.write(
        f"project: shop\nprovider: local\nregistry: {folder}/registry.db\nentity_key_serialization_version: 3\n"
        f"online_store:\n  type: remote\n  path: {options.http}\noffline_store:\n  type: file\n"
    )

NOW = datetime.now(timezone.utc).replace(microsecond=250_000)


def frame_file(name, **columns):
    path = os.path.join(folder, f"{name}.parquet")
    pd.DataFrame({**columns, "event_timestamp": [NOW - timedelta(hours=1)]}).to_parquet(path)
    return FileSource(name=f"{name}_file", path=path, timestamp_field="event_timestamp")


customer = Entity(name="customer", join_keys=["customer"], value_type=ValueType.STRING)
item = Entity(name="item", join_keys=["item"], value_type=ValueType.STRING)
profiles = PushSource(name="profiles", batch_source=frame_file("profiles", customer=["M1"], country=["NL"], score=[1.5], level=[4], vip=[True]))
purchases = PushSource(name="purchases", batch_source=frame_file("purchases", customer=["M1"], item=["I1"], orders_1d=[1], spend_1d=[1.5], bought=[1]))
customer_profile = FeatureView(
    name="customer_profile", entities=[customer], ttl=timedelta(days=0), online=True, source=profiles,
    schema=[Field(name="customer", dtype=String), Field(name="country", dtype=String), Field(name="score", dtype=Float64), Field(name="level", dtype=Int64), Field(name="vip", dtype=Bool)],
)
customer_activity = FeatureView(
    name="customer_activity", entities=[customer], ttl=timedelta(days=1), online=True, source=purchases,
    schema=[Field(name="customer", dtype=String), Field(name="orders_1d", dtype=Int64), Field(name="spend_1d", dtype=Float64)],
)
affinity = FeatureView(
    name="affinity", entities=[customer, item], ttl=timedelta(days=0), online=True, source=purchases,
    schema=[Field(name="customer", dtype=String), Field(name="item", dtype=String), Field(name="bought", dtype=Int64)],
)


@on_demand_feature_view(sources=[customer_activity, RequestSource(name="order", schema=[Field(name="amount", dtype=Float64)])], schema=[Field(name="ratio", dtype=Float64)], mode="python")
def basket_ratio(inputs):
    return {"ratio": [None if not spend or amount is None else amount / spend for spend, amount in zip(inputs["spend_1d"], inputs["amount"])]}


shopper = FeatureService(name="shopper", features=[customer_profile[["country", "level"]], affinity])
basket = FeatureService(name="basket", features=[customer_activity[["spend_1d"]], basket_ratio])
store = FeatureStore(repo_path=folder)
store.apply([customer, item, customer_profile, customer_activity, affinity, basket_ratio, shopper, basket])

serving = ServingService_pb2_grpc.ServingServiceStub(grpc.insecure_channel(options.grpc))
server = GrpcServer_pb2_grpc.GrpcFeatureServerStub(grpc.insecure_channel(options.grpc))
PRESENT, NULL_VALUE, NOT_FOUND = 1, 2, 3


def profile(key, **values):
    row = {"customer": [key], "country": ["FR"], "score": [10.0], "level": [3], "vip": [True], "event_timestamp": [NOW], **values}
    return pd.DataFrame(row)


def read(features, rows, **more):
    return store.get_online_features(features=features, entity_rows=rows, **more)


def write_to_online_store():
    store.write_to_online_store("customer_profile", profile("W1"))
    assert read(["customer_profile:country", "customer_profile:score", "customer_profile:level", "customer_profile:vip"], [{"customer": "W1"}]).to_dict() == {
        "customer": ["W1"], "country": ["FR"], "score": [10.0], "level": [3], "vip": [True]}


def read_types():
    score, level = (read([f"customer_profile:{name}"], [{"customer": "W1"}]).to_dict()[name][0] for name in ("score", "level"))
    assert isinstance(score, float) and isinstance(level, int), (score, level)


def push_online():
    store.push("profiles", profile("P1", country=["DE"]), to=PushMode.ONLINE)
    assert read(["customer_profile:country"], [{"customer": "P1"}]).to_dict() == {"customer": ["P1"], "country": ["DE"]}


def later_value_wins():
    store.push("profiles", profile("P1", country=["IT"], event_timestamp=[NOW - timedelta(minutes=5)]), to=PushMode.ONLINE)
    assert read(["customer_profile:country"], [{"customer": "P1"}]).to_dict()["country"] == ["DE"]
    store.push("profiles", profile("P1", country=["AT"], event_timestamp=[NOW + timedelta(milliseconds=1)]), to=PushMode.ONLINE)
    assert read(["customer_profile:country"], [{"customer": "P1"}]).to_dict()["country"] == ["AT"]


def many_rows():
    store.write_to_online_store("customer_profile", pd.concat([profile(f"B{at}", level=[at]) for at in range(100)]))
    answer = read(["customer_profile:level"], [{"customer": f"B{at}"} for at in range(100)]).to_dict()
    assert answer["level"] == list(range(100)), answer


def read_by_service():
    purchase("S1", "I1", 12.0)
    assert store.get_online_features(features=store.get_feature_service("shopper"), entity_rows=[{"customer": "W1", "item": "I1"}, {"customer": "S1", "item": "I1"}]).to_dict() == {
        "customer": ["W1", "S1"], "item": ["I1", "I1"], "country": ["FR", None], "level": [3, None], "bought": [None, 1]}


def purchase(key, thing, amount):
    import requests
    answer = requests.post(f"{options.http}/push", json={"push_source_name": "purchases", "df": {"customer": [key], "item": [thing], "amount": [amount], "event_timestamp": [NOW.isoformat()]}, "to": "online"}, timeout=30)
    assert (answer.status_code, answer.text) == (200, ""), answer.text


def windows_over_pushed_events():
    for amount in (1.0, 2.5, 4.0):
        purchase("E1", "I1", amount)
    assert read(["customer_activity:orders_1d", "customer_activity:spend_1d"], [{"customer": "E1"}]).to_dict() == {"customer": ["E1"], "orders_1d": [3], "spend_1d": [7.5]}


def full_feature_names():
    assert set(read(["customer_profile:level", "customer_activity:orders_1d"], [{"customer": "E1"}], full_feature_names=True).to_dict()) == {"customer", "customer_profile__level", "customer_activity__orders_1d"}


def on_demand():
    answer = store.get_online_features(features=store.get_feature_service("basket"), entity_rows=[{"customer": "E1", "amount": 15.0}, {"customer": "nobody", "amount": 1.0}]).to_dict()
    assert answer["ratio"] == [2.0, None] and answer["spend_1d"] == [7.5, None], answer


def data_frame():
    frame = read(["customer_profile:level", "customer_profile:country"], [{"customer": "W1"}, {"customer": "nobody"}]).to_df()
    assert list(frame["customer"]) == ["W1", "nobody"] and frame["country"][0] == "FR" and frame["country"][1] is None, frame


def materialize():
    """With a remote online store the SDK leaves this to the server; there the views are built again from all events."""
    store.materialize(NOW - timedelta(days=1), NOW + timedelta(minutes=1), feature_views=["customer_profile"])
    store.materialize_incremental(NOW + timedelta(minutes=1))
    assert read(["customer_profile:country", "customer_profile:score"], [{"customer": "W1"}]).to_dict() == {"customer": ["W1"], "country": ["FR"], "score": [10.0]}
    assert read(["customer_activity:orders_1d"], [{"customer": "E1"}]).to_dict()["orders_1d"] == [3]


def older_read_path():
    """Feast before 0.60 asks view by view through online_read."""
    from feast.infra.key_encoding_utils import serialize_entity_key  # noqa: F401  (the module that pairs with it)
    from feast.protos.feast.types.EntityKey_pb2 import EntityKey
    keys = [EntityKey(join_keys=["customer"], entity_values=[Value(string_val=name)]) for name in ("W1", "nobody")]
    rows = RemoteOnlineStore().online_read(store.config, store.get_feature_view("customer_profile"), keys, ["level", "country"])
    assert rows[0][1]["level"].int64_val == 3 and rows[0][1]["country"].string_val == "FR", rows
    assert rows[1][1]["level"].WhichOneof("val") is None, rows


def errors_have_feast_classes():
    from feast.infra.online_stores.remote import get_remote_online_features
    for body, kind in (({"features": ["nope:x"], "entities": {"customer": ["1"]}}, FeatureViewNotFoundException), ({"feature_service": "nope", "entities": {"customer": ["1"]}}, FeatureServiceNotFoundException)):
        try:
            get_remote_online_features(config=store.config, req_body=body)
            raise AssertionError("no error")
        except kind as error:
            assert "does not exist in project shop" in str(error)


def computed_values_are_refused():
    try:
        store.write_to_online_store("customer_activity", pd.DataFrame({"customer": ["X"], "orders_1d": [1], "spend_1d": [1.0], "event_timestamp": [NOW]}))
    except Exception as error:
        assert "computed from the events of stream 'purchases'" in str(error), error
        return
    raise AssertionError("no error")


def column(*values):
    return RepeatedValue(val=[Value(string_val=value) for value in values])


def grpc_info():
    assert serving.GetFeastServingInfo(ServingService_pb2.GetFeastServingInfoRequest()).version != ""


def grpc_read():
    request = ServingService_pb2.GetOnlineFeaturesRequest(entities={"customer": column("W1", "nobody")})
    request.features.val.extend(["customer_profile:country", "customer_profile:score", "customer_profile:level", "customer_profile:vip"])
    for stub in (serving, server):
        answer = stub.GetOnlineFeatures(request)
        assert list(answer.metadata.feature_names.val) == ["customer", "country", "score", "level", "vip"]
        names, country, score, level, vip = answer.results
        assert [value.string_val for value in names.values] == ["W1", "nobody"] and names.event_timestamps[0].seconds == 0
        assert country.values[0].string_val == "FR" and score.values[0].double_val == 10.0 and level.values[0].int64_val == 3 and vip.values[0].bool_val is True
        assert list(country.statuses) == [PRESENT, NOT_FOUND] and country.values[1].WhichOneof("val") is None
        assert country.event_timestamps[0].ToDatetime(timezone.utc) == NOW, country.event_timestamps[0]


def grpc_service_and_context():
    request = ServingService_pb2.GetOnlineFeaturesRequest(feature_service="basket", entities={"customer": column("E1")}, request_context={"amount": RepeatedValue(val=[Value(double_val=15.0)])})
    answer = serving.GetOnlineFeatures(request)
    assert dict(zip(answer.metadata.feature_names.val, [vector.values[0] for vector in answer.results]))["ratio"].double_val == 2.0


def grpc_push():
    answer = server.Push(GrpcServer_pb2.PushRequest(stream_feature_view="purchases", to="online", features={"customer": "G1", "item": "I1", "amount": "2.5", "event_timestamp": NOW.isoformat()}))
    assert answer.status
    typed = {"customer": Value(string_val="G1"), "item": Value(string_val="I1"), "amount": Value(double_val=4.0), "event_timestamp": Value(string_val=NOW.isoformat())}
    assert server.Push(GrpcServer_pb2.PushRequest(stream_feature_view="purchases", to="online", typed_features=typed)).status
    assert read(["customer_activity:orders_1d", "customer_activity:spend_1d"], [{"customer": "G1"}]).to_dict() == {"customer": ["G1"], "orders_1d": [2], "spend_1d": [6.5]}


def grpc_write():
    answer = server.WriteToOnlineStore(GrpcServer_pb2.WriteToOnlineStoreRequest(feature_view_name="customer_profile", features={"customer": "G2", "country": "PT", "level": "7", "vip": "True", "event_timestamp": NOW.isoformat()}))
    assert answer.status
    assert read(["customer_profile:country", "customer_profile:level", "customer_profile:vip"], [{"customer": "G2"}]).to_dict() == {"customer": ["G2"], "country": ["PT"], "level": [7], "vip": [True]}


def grpc_errors():
    def failure(call):
        try:
            call()
        except grpc.RpcError as error:
            return error.code().name, error.details()
        raise AssertionError("no error")
    both = GrpcServer_pb2.PushRequest(stream_feature_view="purchases", to="online", features={"a": "1"}, typed_features={"a": Value(int64_val=1)})
    assert failure(lambda: server.Push(both)) == ("INVALID_ARGUMENT", "Only one of features or typed_features may be set, not both")
    assert failure(lambda: server.Push(GrpcServer_pb2.PushRequest(stream_feature_view="nope", to="online", features={"a": "1"}))) == ("INVALID_ARGUMENT", "Unable to find push source 'nope'.")
    assert failure(lambda: server.Push(GrpcServer_pb2.PushRequest(stream_feature_view="purchases", to="x", features={"a": "1"})))[0] == "INTERNAL"
    unknown = ServingService_pb2.GetOnlineFeaturesRequest(feature_service="nope", entities={"customer": column("W1")})
    assert failure(lambda: server.GetOnlineFeatures(unknown)) == ("INTERNAL", "Feature service nope does not exist in project shop")
    assert failure(lambda: serving.GetOnlineFeatures(unknown)) == ("NOT_FOUND", "Feature service nope does not exist in project shop")


FLOWS = [
    write_to_online_store, read_types, push_online, later_value_wins, many_rows, read_by_service, windows_over_pushed_events, full_feature_names, on_demand, data_frame, materialize, older_read_path,
    errors_have_feast_classes, computed_values_are_refused, grpc_info, grpc_read, grpc_service_and_context, grpc_push, grpc_write, grpc_errors,
]
for flow in FLOWS:
    try:
        flow()
        print(json.dumps({"flow": flow.__name__, "passed": True}))
    except Exception:
        print(json.dumps({"flow": flow.__name__, "passed": False, "error": traceback.format_exc()[-3000:]}))
sys.stdout.flush()
