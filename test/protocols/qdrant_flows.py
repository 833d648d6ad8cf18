"""qdrant-client, unmodified, against a Strata, with the client's own in-memory mode as the oracle: every operation is
done in both and the answers are compared. One JSON line per flow."""
import argparse, json, random, sys, traceback, uuid
import numpy as np
from qdrant_client import QdrantClient, models as m
from qdrant_client.http.exceptions import UnexpectedResponse

arguments = argparse.ArgumentParser()
arguments.add_argument("--url", required=True)
URL = arguments.parse_args().url

remote = QdrantClient(url=URL, timeout=60)
local = QdrantClient(":memory:")
rng = np.random.default_rng(7)
random.seed(7)
DIM, COUNT = 16, 600
FLOWS = []


def flow(function):
    FLOWS.append(function)
    return function


def both(call):
    return call(remote), call(local)


def ids(points):
    return [point.id for point in points]


def same_points(found, wanted, *, payload=True, vectors=False, tolerance=1e-4, ordered=True):
    assert len(found) == len(wanted), f"{len(found)} points, not {len(wanted)}"
    if not ordered:
        found, wanted = sorted(found, key=lambda p: str(p.id)), sorted(wanted, key=lambda p: str(p.id))
    for place, (a, b) in enumerate(zip(found, wanted)):
        if hasattr(a, "score"):
            assert abs(a.score - b.score) <= tolerance * (1 + abs(b.score)), f"score {a.score}, not {b.score} at {place}"
            near_tie = any(abs(b.score - other.score) <= tolerance for other in wanted if other is not b)
            assert a.id == b.id or near_tie, f"id {a.id}, not {b.id} at {place}"
            if a.id != b.id:
                continue
        else:
            assert a.id == b.id, f"id {a.id}, not {b.id} at {place}"
        if payload:
            assert (a.payload or {}) == (b.payload or {}), f"payload {a.payload}, not {b.payload}"
        if vectors:
            same_vectors(a.vector, b.vector)


def same_vectors(a, b):
    if isinstance(b, dict):
        assert set(a) == set(b), f"vectors {set(a)}, not {set(b)}"
        for name in b:
            same_vectors(a[name], b[name])
    elif isinstance(b, m.SparseVector):
        assert dict(zip(a.indices, a.values)) == dict(zip(b.indices, b.values))
    elif b is not None:
        assert np.allclose(a, b, atol=1e-5)
    else:
        assert a is None


CITIES = ["London", "Berlin", "Oslo", "Bern", "Rome"]


def payload_of(i):
    return {
        "city": CITIES[i % 5], "tags": random.sample(["red", "green", "blue", "black"], random.randint(0, 3)), "price": round(random.uniform(0, 100), 2), "size": random.randint(0, 9),
        "isNew": bool(random.getrandbits(1)), "when": f"2026-{1 + i % 12:02d}-{1 + i % 28:02d}T10:00:00Z", "nothing": None if i % 3 == 0 else "x",
        "place": {"lon": random.uniform(-10, 20), "lat": random.uniform(40, 60)}, "title": random.choice(["red running shoes", "blue hat", "black running jacket"]),
        "nested": {"list": [{"a": random.randint(0, 3), "b": random.randint(0, 3)} for _ in range(2)], "deep": {"x": i % 7}},
    }


def sparse_of():
    indices = sorted(random.sample(range(60), 6))
    return m.SparseVector(indices=indices, values=[round(random.uniform(0.1, 2), 3) for _ in indices])


def point_id(i):
    return i if i % 2 == 0 else str(uuid.UUID(int=i * 7919))


POINTS = [
    m.PointStruct(id=point_id(i), payload=payload_of(i), vector={"text": rng.normal(size=DIM).tolist(), "image": rng.normal(size=8).tolist(), "words": sparse_of()} if i % 10 else {"text": rng.normal(size=DIM).tolist()})
    for i in range(COUNT)
]
QUERY, IMAGE = rng.normal(size=DIM).tolist(), rng.normal(size=8).tolist()


def fill(client):
    client.create_collection(
        "all", vectors_config={"text": m.VectorParams(size=DIM, distance=m.Distance.COSINE), "image": m.VectorParams(size=8, distance=m.Distance.EUCLID)},
        sparse_vectors_config={"words": m.SparseVectorParams(), "rare": m.SparseVectorParams(modifier=m.Modifier.IDF)},
    )
    client.upsert("all", POINTS, wait=True)


FILTERS = {
    "keyword": m.Filter(must=[m.FieldCondition(key="city", match=m.MatchValue(value="Oslo"))]),
    "any": m.Filter(must=[m.FieldCondition(key="tags", match=m.MatchAny(any=["red", "black"]))]),
    "except": m.Filter(must=[m.FieldCondition(key="city", match=m.MatchExcept(**{"except": ["Oslo", "Rome"]}))]),
    "range": m.Filter(must=[m.FieldCondition(key="price", range=m.Range(gte=20, lt=60))]),
    "datetime": m.Filter(must=[m.FieldCondition(key="when", range=m.DatetimeRange(gte="2026-03-01T00:00:00Z", lt="2026-07-01T00:00:00Z"))]),
    "bool": m.Filter(must_not=[m.FieldCondition(key="isNew", match=m.MatchValue(value=True))]),
    "radius": m.Filter(must=[m.FieldCondition(key="place", geo_radius=m.GeoRadius(center=m.GeoPoint(lon=5, lat=50), radius=500_000))]),
    "box": m.Filter(must=[m.FieldCondition(key="place", geo_bounding_box=m.GeoBoundingBox(top_left=m.GeoPoint(lon=0, lat=55), bottom_right=m.GeoPoint(lon=10, lat=45)))]),
    "polygon": m.Filter(must=[m.FieldCondition(key="place", geo_polygon=m.GeoPolygon(exterior=m.GeoLineString(points=[m.GeoPoint(lon=0, lat=45), m.GeoPoint(lon=12, lat=45), m.GeoPoint(lon=6, lat=58), m.GeoPoint(lon=0, lat=45)])))]),
    "text": m.Filter(must=[m.FieldCondition(key="title", match=m.MatchText(text="running"))]),
    "null": m.Filter(must=[m.IsNullCondition(is_null=m.PayloadField(key="nothing"))]),
    "empty": m.Filter(must=[m.IsEmptyCondition(is_empty=m.PayloadField(key="tags"))]),
    "count": m.Filter(must=[m.FieldCondition(key="tags", values_count=m.ValuesCount(gte=2))]),
    "ids": m.Filter(must=[m.HasIdCondition(has_id=[point_id(i) for i in range(20)])]),
    "has vector": m.Filter(must_not=[m.HasVectorCondition(has_vector="image")]),
    "nested": m.Filter(must=[m.NestedCondition(nested=m.Nested(key="nested.list", filter=m.Filter(must=[m.FieldCondition(key="a", match=m.MatchValue(value=1)), m.FieldCondition(key="b", match=m.MatchValue(value=2))])))]),
    "path": m.Filter(must=[m.FieldCondition(key="nested.list[].a", match=m.MatchValue(value=3)), m.FieldCondition(key="nested.deep.x", range=m.Range(lte=4))]),
    "should": m.Filter(should=[m.FieldCondition(key="city", match=m.MatchValue(value="Bern")), m.FieldCondition(key="size", match=m.MatchValue(value=3))]),
    "min should": m.Filter(min_should=m.MinShould(conditions=[m.FieldCondition(key="city", match=m.MatchValue(value="Bern")), m.FieldCondition(key="size", range=m.Range(gt=4)), m.FieldCondition(key="isNew", match=m.MatchValue(value=True))], min_count=2)),
    "mixed": m.Filter(must=[m.FieldCondition(key="price", range=m.Range(gte=10)), m.Filter(should=[m.FieldCondition(key="city", match=m.MatchValue(value="Rome")), m.FieldCondition(key="tags", match=m.MatchValue(value="red"))])], must_not=[m.FieldCondition(key="size", match=m.MatchAny(any=[1, 2]))]),
}


@flow
def collections():
    both(fill)
    info = remote.get_collection("all")
    assert info.points_count == COUNT and info.config.params.vectors["text"].size == DIM and info.config.params.sparse_vectors["rare"].modifier == m.Modifier.IDF
    assert remote.collection_exists("all") and not remote.collection_exists("none")
    assert "all" in [c.name for c in remote.get_collections().collections]
    try:
        remote.create_collection("all", vectors_config=m.VectorParams(size=4, distance=m.Distance.DOT))
        raise AssertionError("it was made twice")
    except UnexpectedResponse as refused:
        assert refused.status_code == 409, refused
    assert remote.update_collection("all", optimizers_config=m.OptimizersConfigDiff(indexing_threshold=5_000))


@flow
def nearest():
    for using, query in (("text", QUERY), ("image", IMAGE)):
        same_points(*both(lambda c: c.query_points("all", query=query, using=using, limit=20, with_payload=True, with_vectors=True).points), vectors=True)
        same_points(*both(lambda c: c.query_points("all", query=query, using=using, limit=7, offset=5).points))
        same_points(*both(lambda c: c.query_points("all", query=point_id(2 + 1), using=using, limit=10).points))
    same_points(*both(lambda c: c.query_points("all", query=QUERY, using="text", limit=50, score_threshold=0.2).points))
    same_points(*both(lambda c: c.query_points("all", query=IMAGE, using="image", limit=50, score_threshold=3.0).points))
    same_points(*both(lambda c: c.query_points("all", query=QUERY, using="text", limit=5, with_payload=["city", "nested.deep"]).points))
    same_points(*both(lambda c: c.query_points("all", query=QUERY, using="text", limit=5, with_payload=m.PayloadSelectorExclude(exclude=["nested", "tags"])).points))
    same_points(*both(lambda c: c.query_points("all", query=QUERY, using="text", limit=5, with_vectors=["image"]).points), vectors=True)


def filtered(name):
    def run():
        query_filter = FILTERS[name]
        same_points(*both(lambda c: c.query_points("all", query=QUERY, using="text", query_filter=query_filter, limit=30).points))
        counts = both(lambda c: c.count("all", count_filter=query_filter, exact=True).count)
        assert counts[0] == counts[1], counts
        pages = both(lambda c: c.scroll("all", scroll_filter=query_filter, limit=COUNT)[0])
        same_points(*pages, ordered=False)
    run.__name__ = f"filter: {name}"
    return run


FLOWS.extend(filtered(name) for name in FILTERS)


@flow
def the_same_filters_with_indexes():
    for field, kind in {"city": "keyword", "tags": "keyword", "price": "float", "size": "integer", "isNew": "bool", "when": "datetime", "place": "geo", "title": "text"}.items():
        remote.create_payload_index("all", field_name=field, field_schema=kind, wait=True)
    assert remote.get_collection("all").payload_schema["city"].data_type == m.PayloadSchemaType.KEYWORD
    for name in FILTERS:
        filtered(name)()
    remote.delete_payload_index("all", "city")
    filtered("keyword")()


@flow
def sparse():
    query = m.SparseVector(indices=[1, 5, 9, 30], values=[1.0, 0.5, 2.0, 0.7])
    same_points(*both(lambda c: c.query_points("all", query=query, using="words", limit=20, with_vectors=["words"]).points), vectors=True)
    same_points(*both(lambda c: c.query_points("all", query=query, using="words", query_filter=FILTERS["range"], limit=20).points))
    both(lambda c: c.update_vectors("all", [m.PointVectors(id=point_id(i), vector={"rare": m.SparseVector(indices=[i % 11, 20 + i % 3], values=[1.0, 0.5])}) for i in range(100)]))
    same_points(*both(lambda c: c.query_points("all", query=m.SparseVector(indices=[3, 21], values=[1.0, 1.0]), using="rare", limit=20).points))


@flow
def recommend():
    examples = dict(positive=[point_id(2), point_id(3)], negative=[point_id(11)])
    for strategy in (m.RecommendStrategy.AVERAGE_VECTOR, m.RecommendStrategy.BEST_SCORE, m.RecommendStrategy.SUM_SCORES):
        for using in ("text", "image"):
            same_points(*both(lambda c: c.query_points("all", query=m.RecommendQuery(recommend=m.RecommendInput(**examples, strategy=strategy)), using=using, limit=15).points), tolerance=1e-3)
    same_points(*both(lambda c: c.query_points("all", query=m.RecommendQuery(recommend=m.RecommendInput(positive=[QUERY])), using="text", query_filter=FILTERS["keyword"], limit=15).points))


@flow
def discover():
    context = [m.ContextPair(positive=point_id(2), negative=point_id(4)), m.ContextPair(positive=point_id(13), negative=point_id(6))]
    same_points(*both(lambda c: c.query_points("all", query=m.DiscoverQuery(discover=m.DiscoverInput(target=QUERY, context=context)), using="text", limit=15).points), tolerance=1e-3)
    found, wanted = both(lambda c: c.query_points("all", query=m.ContextQuery(context=context), using="text", limit=15).points)
    assert np.allclose([p.score for p in found], [p.score for p in wanted], atol=1e-4)


@flow
def hybrid():
    words = m.SparseVector(indices=[1, 5, 9, 30], values=[1.0, 0.5, 2.0, 0.7])
    for fusion in (m.Fusion.RRF, m.Fusion.DBSF):
        prefetch = [m.Prefetch(query=QUERY, using="text", limit=30), m.Prefetch(query=words, using="words", limit=30, filter=FILTERS["range"])]
        same_points(*both(lambda c: c.query_points("all", prefetch=prefetch, query=m.FusionQuery(fusion=fusion), limit=20).points), tolerance=1e-3)
    rescored = [m.Prefetch(query=IMAGE, using="image", limit=50, prefetch=[m.Prefetch(query=words, using="words", limit=200)])]
    same_points(*both(lambda c: c.query_points("all", prefetch=rescored, query=QUERY, using="text", limit=10).points))


@flow
def order_and_sample():
    remote.create_payload_index("all", "price", "float")
    for direction in (m.Direction.ASC, m.Direction.DESC):
        found, wanted = both(lambda c: c.scroll("all", order_by=m.OrderBy(key="price", direction=direction), limit=40)[0])
        assert [p.payload["price"] for p in found] == [p.payload["price"] for p in wanted]
        found, wanted = both(lambda c: c.query_points("all", query=m.OrderByQuery(order_by=m.OrderBy(key="price", direction=direction)), limit=40, with_payload=True).points)
        assert [p.payload["price"] for p in found] == [p.payload["price"] for p in wanted]
    found, wanted = both(lambda c: c.scroll("all", order_by=m.OrderBy(key="price", start_from=50.0), limit=10)[0])
    assert [p.payload["price"] for p in found] == [p.payload["price"] for p in wanted]
    sampled = remote.query_points("all", query=m.SampleQuery(sample=m.Sample.RANDOM), limit=25).points
    assert len(set(ids(sampled))) == 25


@flow
def scrolling():
    seen, offset = [], None
    while True:
        page, offset = remote.scroll("all", limit=70, offset=offset, with_payload=False)
        seen += ids(page)
        if offset is None:
            break
    assert len(seen) == COUNT and len(set(seen)) == COUNT


@flow
def batches_and_groups():
    requests = [m.QueryRequest(query=QUERY, using="text", limit=5), m.QueryRequest(query=IMAGE, using="image", limit=3, filter=FILTERS["keyword"], with_payload=True)]
    for found, wanted in zip(*both(lambda c: c.query_batch_points("all", requests))):
        same_points(found.points, wanted.points)
    found, wanted = both(lambda c: c.query_points_groups("all", group_by="city", query=QUERY, using="text", limit=4, group_size=3).groups)
    assert [g.id for g in found] == [g.id for g in wanted]
    for a, b in zip(found, wanted):
        same_points(a.hits, b.hits)
    found, wanted = both(lambda c: c.facet("all", key="city", facet_filter=FILTERS["range"], limit=10).hits)
    assert {h.value: h.count for h in found} == {h.value: h.count for h in wanted}


@flow
def payloads():
    chosen = [point_id(i) for i in range(8)]
    both(lambda c: c.set_payload("all", {"city": "Paris", "extra": {"a": 1}}, points=chosen))
    both(lambda c: c.set_payload("all", {"b": 2}, points=chosen, key="extra"))  # all of them: the client's memory shares one object among points
    both(lambda c: c.delete_payload("all", ["tags", "size"], points=chosen[2:5]))
    both(lambda c: c.overwrite_payload("all", {"only": True}, points=chosen[5:6]))
    both(lambda c: c.clear_payload("all", points_selector=chosen[6:7]))
    both(lambda c: c.set_payload("all", {"flag": "set"}, points=FILTERS["keyword"]))
    same_points(*both(lambda c: c.retrieve("all", chosen, with_vectors=True)), vectors=True, ordered=False)
    same_points(*both(lambda c: c.scroll("all", limit=COUNT)[0]), ordered=False)


@flow
def changes_of_vectors():
    both(lambda c: c.update_vectors("all", [m.PointVectors(id=point_id(1), vector={"text": QUERY}), m.PointVectors(id=point_id(2), vector={"image": IMAGE, "words": m.SparseVector(indices=[1], values=[9.0])})]))
    both(lambda c: c.delete_vectors("all", vectors=["image"], points=[point_id(3)]))
    same_points(*both(lambda c: c.query_points("all", query=QUERY, using="text", limit=5).points))
    same_points(*both(lambda c: c.query_points("all", query=IMAGE, using="image", limit=COUNT).points))
    same_points(*both(lambda c: c.retrieve("all", [point_id(i) for i in range(5)], with_vectors=True)), vectors=True, ordered=False)


@flow
def deletes_and_batches():
    both(lambda c: c.delete("all", points_selector=[point_id(i) for i in range(10, 30)]))
    both(lambda c: c.delete("all", points_selector=m.FilterSelector(filter=FILTERS["range"])))
    both(lambda c: c.batch_update_points("all", [
        m.UpsertOperation(upsert=m.PointsList(points=[m.PointStruct(id=5_000, payload={"city": "Oslo"}, vector={"text": QUERY})])),
        m.SetPayloadOperation(set_payload=m.SetPayload(payload={"seen": 1}, points=[5_000])), m.DeleteOperation(delete=m.PointIdsList(points=[point_id(31)])),
    ]))
    both(lambda c: c.upsert("all", m.Batch(ids=[6_000, 6_001], payloads=[{"a": 1}, {"a": 2}], vectors={"text": [QUERY, QUERY]})))
    counts = both(lambda c: c.count("all", exact=True).count)
    assert counts[0] == counts[1], counts
    same_points(*both(lambda c: c.query_points("all", query=QUERY, using="text", limit=40).points))
    same_points(*both(lambda c: c.scroll("all", limit=COUNT * 2)[0]), ordered=False)


@flow
def distances():
    for distance in (m.Distance.COSINE, m.Distance.DOT, m.Distance.EUCLID, m.Distance.MANHATTAN):
        name = f"one_{distance.value}"
        vectors = rng.normal(size=(700, 24))
        both(lambda c: c.create_collection(name, vectors_config=m.VectorParams(size=24, distance=distance)))
        both(lambda c: c.upload_collection(name, vectors=vectors, ids=list(range(700)), payload=[{"n": i} for i in range(700)], wait=True))
        for query in rng.normal(size=(10, 24)):
            same_points(*both(lambda c: c.query_points(name, query=query.tolist(), limit=25, with_vectors=True).points), vectors=True)
            same_points(*both(lambda c: c.query_points(name, query=query.tolist(), limit=25, query_filter=m.Filter(must=[m.FieldCondition(key="n", range=m.Range(lt=70))])).points))
        assert remote.delete_collection(name) and not remote.collection_exists(name)


@flow
def aliases():
    remote.update_collection_aliases([m.CreateAliasOperation(create_alias=m.CreateAlias(collection_name="all", alias_name="other"))])
    assert [a.alias_name for a in remote.get_collection_aliases("all").aliases] == ["other"] and remote.get_aliases().aliases[0].collection_name == "all"
    assert remote.count("other").count == remote.count("all").count
    remote.update_collection_aliases([m.RenameAliasOperation(rename_alias=m.RenameAlias(old_alias_name="other", new_alias_name="third"))])
    remote.update_collection_aliases([m.DeleteAliasOperation(delete_alias=m.DeleteAlias(alias_name="third"))])
    assert remote.get_aliases().aliases == []


@flow
def snapshots():
    before = remote.count("all").count
    snapshot = remote.create_snapshot("all")
    assert snapshot.size > 0 and snapshot.name in [s.name for s in remote.list_snapshots("all")]
    remote.delete("all", points_selector=m.FilterSelector(filter=m.Filter()))
    assert remote.count("all").count == 0
    assert remote.recover_snapshot("all", location=f"{URL}/collections/all/snapshots/{snapshot.name}")
    assert remote.count("all").count == before
    same_points(*both(lambda c: c.query_points("all", query=QUERY, using="text", limit=40).points))
    assert remote.delete_snapshot("all", snapshot.name) and remote.list_snapshots("all") == []


@flow
def errors():
    def refused(status, call):
        try:
            call()
        except UnexpectedResponse as answer:
            assert answer.status_code == status, f"{answer.status_code}: {answer.content}"
            assert "error" in json.loads(answer.content)["status"]
            return
        raise AssertionError("it was not refused")
    refused(404, lambda: remote.get_collection("none"))
    refused(404, lambda: remote.query_points("none", query=[1.0]))
    refused(404, lambda: remote.query_points("all", query=999_999, using="text"))
    refused(400, lambda: remote.query_points("all", query=[1.0, 2.0], using="text"))
    refused(400, lambda: remote.query_points("all", query=QUERY, using="nothing"))
    refused(400, lambda: remote.upsert("all", [m.PointStruct(id=1, vector={"text": [1.0]})]))


for run in FLOWS:
    try:
        run()
        print(json.dumps({"flow": run.__name__.replace("_", " "), "passed": True}))
    except Exception as failure:
        print(json.dumps({"flow": run.__name__.replace("_", " "), "passed": False, "error": f"{failure!r} {''.join(traceback.format_tb(failure.__traceback__)[-3:])}"[:2500]}))
    sys.stdout.flush()
