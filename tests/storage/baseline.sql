BEGIN TRANSACTION;
CREATE TABLE changes (
	id VARCHAR NOT NULL, 
	workspace VARCHAR NOT NULL, 
	principal VARCHAR NOT NULL, 
	tool VARCHAR NOT NULL, 
	arguments VARCHAR NOT NULL, 
	effect VARCHAR, 
	repeat BOOLEAN NOT NULL, 
	state VARCHAR NOT NULL, 
	risk VARCHAR NOT NULL, 
	summary TEXT NOT NULL, 
	question TEXT NOT NULL, 
	"plan" TEXT NOT NULL, 
	digest VARCHAR NOT NULL, 
	drifts INTEGER NOT NULL, 
	planned_at FLOAT NOT NULL, 
	expires_at FLOAT NOT NULL, 
	asked_at FLOAT, 
	decided_at FLOAT, 
	decided_by VARCHAR, 
	decided_how VARCHAR, 
	sending_at FLOAT, 
	due_at FLOAT, 
	finished_at FLOAT, 
	outcome TEXT, 
	baseline TEXT, 
	settle_at FLOAT, 
	looks INTEGER NOT NULL, 
	PRIMARY KEY (id)
);
INSERT INTO "changes" VALUES('old00001','sandbox','local:tester','update_customer','e11a2b9951894b69ea1ade08b047bd7844ff067f8cd28168d51ffb3ba192a04a',NULL,0,'verified','data','Set “plan”, “shoe_size” of “ada”.','Set “plan”, “shoe_size” of “ada”.

What changes:
- “plan”: “vip” becomes “gold”
- “shoe_size”: (nothing) becomes 38

To whom: 1 person.
- “ada” (cio_a3000001), “ada@example.com”, “+447700900001”, subscribed

What it may start: no running campaign.

Change old00001. Nothing is done unless you approve; an approval counts once.','{"risk":"data","summary":"Set “plan”, “shoe_size” of “ada”.","contents":[],"edits":[{"name":"plan","before":"vip","after":"gold"},{"name":"shoe_size","before":null,"after":38}],"affected":1,"recipients":["ada@example.com"],"test_profiles":[],"examples":["“ada” (cio_a3000001), “ada@example.com”, “+447700900001”, subscribed"],"starts":[],"why":"","warnings":[],"calls":[{"api":"track","method":"PUT","route":"/api/v1/customers/{identifier}","path":{"identifier":"cio_a3000001"},"query":{},"body":{"plan":"gold","shoe_size":38,"_timestamp":1795668621,"_update":true},"lane":"track","retry":"repeatable","minted":["_timestamp"]}],"rests_on":{"person":"cio_a3000001","unsubscribed":false,"before":{"plan":"vip","shoe_size":null},"starts":[]},"once":false,"repeat":false,"typed":null,"due_at":null,"reads_back":{"person":"cio_a3000001","attributes":{"plan":"gold","shoe_size":38}},"trace":null,"find_out":"To see it: get_customer."}','b62e7904a702b329ebccd3588a3428819f7daead2063f0caa21c17a66cba86f7',0,1.79566862123492813115e+09,1.79567222123492813111e+09,NULL,1.79566862134322357182e+09,'person','on a terminal',1.79566862136705541605e+09,NULL,1795668621.37627,'{"message": null, "delivery_id": null}','[]',NULL,0);
INSERT INTO "changes" VALUES('old00002','sandbox','local:tester','send_event','32b66b3b025f56c49a3ae6d3a2f152484d85886f18ba838b61bcfa1491316da4','ded174227e65481447859dc974114ff4bbac884fc475a554872fec77691acac5',0,'sent','send','Send event “order_placed” for “ada”.','Send event “order_placed” for “ada”.
- “order”: “A-1”

To whom: 1 person.
- “ada” (cio_a3000001), “ada@example.com”, “+447700900001”, subscribed

What it may start:
- campaign 2 “Order follow-up”

Change old00002. Nothing is done unless you approve; an approval counts once.','{"risk":"send","summary":"Send event “order_placed” for “ada”.","contents":["“order”: “A-1”"],"edits":[],"affected":1,"recipients":["ada@example.com"],"test_profiles":[],"examples":["“ada” (cio_a3000001), “ada@example.com”, “+447700900001”, subscribed"],"starts":["campaign 2 “Order follow-up”"],"why":"","warnings":[],"calls":[{"api":"track","method":"POST","route":"/api/v1/customers/{identifier}/events","path":{"identifier":"cio_a3000001"},"query":{},"body":{"name":"order_placed","id":"01M8B31EA15GVGXG862B6JF9YH","data":{"order":"A-1"}},"lane":"track","retry":"repeatable","minted":["id"]}],"rests_on":{"person":"cio_a3000001","unsubscribed":false,"starts":["campaign 2 “Order follow-up”"]},"once":true,"repeat":false,"typed":null,"due_at":null,"reads_back":null,"trace":{"person":"cio_a3000001","message":null,"recipient":null,"event":"order_placed","broadcast":null},"find_out":"What it starts: wait_for_event with this change and metric=delivered."}','9ee58d34c9ee0504b62b5a24e8c3ae3b5b964f4752439626279de9b25e65e147',0,1.79566862162117552755e+09,1.79567222162117552759e+09,NULL,1.79566862166890263557e+09,'person','on a terminal',1.79566862168698287006e+09,NULL,1.79566862171066427226e+09,'{"message": null, "delivery_id": null}','[]',NULL,0);
INSERT INTO "changes" VALUES('old00003','sandbox','local:tester','send_transactional','d60183edfaffe2c4ae7426cdbcba0e237d092c41a5d2d067eb410e25f876fbbf','f0a729ff587d49e9a1d9a9df0b847b86ab2067cc18816aa14a2bd2367bf70df7',0,'sent','send','Send transactional email 2 “Order shipped” to “ada”.','Send transactional email 2 “Order shipped” to “ada”.
- It goes to “ada@example.com”, at once.
- “order”: “A-1”

To whom: 1 person.
- “ada” (cio_a3000001), “ada@example.com”, “+447700900001”, subscribed

Mind:
- The template uses variables that the data lack: “order_id”, “tracking_url”.

Change old00003. Nothing is done unless you approve; an approval counts once.','{"risk":"send","summary":"Send transactional email 2 “Order shipped” to “ada”.","contents":["It goes to “ada@example.com”, at once.","“order”: “A-1”"],"edits":[],"affected":1,"recipients":["ada@example.com"],"test_profiles":[],"examples":["“ada” (cio_a3000001), “ada@example.com”, “+447700900001”, subscribed"],"starts":null,"why":"","warnings":["The template uses variables that the data lack: “order_id”, “tracking_url”."],"calls":[{"api":"app","method":"POST","route":"/v1/send/email","path":{},"query":{},"body":{"transactional_message_id":2,"identifiers":{"cio_id":"a3000001"},"to":"ada@example.com","send_to_unsubscribed":false,"message_data":{"order":"A-1"}},"lane":"transactional","retry":"once","minted":["send_at"]}],"rests_on":{"person":"cio_a3000001","unsubscribed":false,"message":"Order shipped","own":"ada@example.com"},"once":true,"repeat":false,"typed":null,"due_at":null,"reads_back":null,"trace":{"person":"cio_a3000001","message":"2","recipient":"ada@example.com","event":null,"broadcast":null},"find_out":"To follow it: wait_for_event with this change and metric=delivered; get_message shows it whole."}','34bfc622cb359d0295ca1bcd0b141580ebda1ddd9fcb45705e191d144d0a2b90',0,1.79566862172894406313e+09,1.79567222172894406313e+09,NULL,1.79566862177301502226e+09,'person','on a terminal',1.79566862249604201322e+09,NULL,1.79566862251768517497e+09,'{"message": null, "delivery_id": "M_RGqAshRs5PbX-v12hWrPpcpQ=="}','["5cnHBYFXvI8AgOpPHU23D9-lHA==", "PI8-IPMywj8RuHwRkGCD-wpXAA==", "JI2ZjQReQ0SHgHe7rN9_V0sx4Q==", "jeyDpF2RwGtULB8OZV-eVHXzjQ=="]',NULL,0);
INSERT INTO "changes" VALUES('old00004','sandbox','local:tester','send_event','7db73200a11395f88b791b35968caf0ee7bb26383b85ebd8830b2dc75bd1aa4d','996af4e82169956985b607b13ab8de80a237f722bf537221594742ecd1f62bf4',0,'planned','send','Send event “waiting” for “ada”.','Send event “waiting” for “ada”.
- no event data

To whom: 1 person.
- “ada” (cio_a3000001), “ada@example.com”, “+447700900001”, subscribed

What it may start: no running campaign.

Change old00004. Nothing is done unless you approve; an approval counts once.','{"risk":"send","summary":"Send event “waiting” for “ada”.","contents":["no event data"],"edits":[],"affected":1,"recipients":["ada@example.com"],"test_profiles":[],"examples":["“ada” (cio_a3000001), “ada@example.com”, “+447700900001”, subscribed"],"starts":[],"why":"","warnings":[],"calls":[{"api":"track","method":"POST","route":"/api/v1/customers/{identifier}/events","path":{"identifier":"cio_a3000001"},"query":{},"body":{"name":"waiting","id":"01M8B31F9XH2HAWAQYNRHFG78N"},"lane":"track","retry":"repeatable","minted":["id"]}],"rests_on":{"person":"cio_a3000001","unsubscribed":false,"starts":[]},"once":true,"repeat":false,"typed":null,"due_at":null,"reads_back":null,"trace":{"person":"cio_a3000001","message":null,"recipient":null,"event":"waiting","broadcast":null},"find_out":"No running campaign is known to start from it; recent_events with this change would tell."}','088b113c04224c2816037858abc5c8263a038fa1b248726f7658cf6140322cd5',0,1.79566862252208209044e+09,1.79567222252208209039e+09,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,0);
INSERT INTO "changes" VALUES('old00005','sandbox','local:tester','send_event','814b6d9cc2a7ed78a810e6d41d6920a826098f117ac685f749710b19697d82d3','cc2b2ce296b30ef6798dc1030bdd7ecc111a627abe10cdbc08770b2a77c3af05',0,'approved','send','Send event “approved” for “ada”.','Send event “approved” for “ada”.
- no event data

To whom: 1 person.
- “ada” (cio_a3000001), “ada@example.com”, “+447700900001”, subscribed

What it may start: no running campaign.

Change old00005. Nothing is done unless you approve; an approval counts once.','{"risk":"send","summary":"Send event “approved” for “ada”.","contents":["no event data"],"edits":[],"affected":1,"recipients":["ada@example.com"],"test_profiles":[],"examples":["“ada” (cio_a3000001), “ada@example.com”, “+447700900001”, subscribed"],"starts":[],"why":"","warnings":[],"calls":[{"api":"track","method":"POST","route":"/api/v1/customers/{identifier}/events","path":{"identifier":"cio_a3000001"},"query":{},"body":{"name":"approved","id":"01M8B31FCYH7G66V7QBJ22D2ES"},"lane":"track","retry":"repeatable","minted":["id"]}],"rests_on":{"person":"cio_a3000001","unsubscribed":false,"starts":[]},"once":true,"repeat":false,"typed":null,"due_at":null,"reads_back":null,"trace":{"person":"cio_a3000001","message":null,"recipient":null,"event":"approved","broadcast":null},"find_out":"No running campaign is known to start from it; recent_events with this change would tell."}','033159da0fc83e5947866c66288d77acd8cd0c4e3e3b1e964d65027eebe0b745',0,1.79566862266674780838e+09,1.79567222266674780851e+09,NULL,1.79566862276685428618e+09,'person','on a terminal',NULL,NULL,NULL,NULL,NULL,NULL,0);
INSERT INTO "changes" VALUES('old00006','sandbox','local:tester','send_event','4f288af10541331909b24164d8d53d7220c767b44aa7a90100f0ec9417dfa0c2','7f87e3166e04e5983ae3678454ccf7a3733aa897608b4c1954a03456df90f4d5',0,'declined','send','Send event “declined” for “ada”.','Send event “declined” for “ada”.
- no event data

To whom: 1 person.
- “ada” (cio_a3000001), “ada@example.com”, “+447700900001”, subscribed

What it may start: no running campaign.

Change old00006. Nothing is done unless you approve; an approval counts once.','{"risk":"send","summary":"Send event “declined” for “ada”.","contents":["no event data"],"edits":[],"affected":1,"recipients":["ada@example.com"],"test_profiles":[],"examples":["“ada” (cio_a3000001), “ada@example.com”, “+447700900001”, subscribed"],"starts":[],"why":"","warnings":[],"calls":[{"api":"track","method":"POST","route":"/api/v1/customers/{identifier}/events","path":{"identifier":"cio_a3000001"},"query":{},"body":{"name":"declined","id":"01M8B31FE26SG1N4SRSTZG71AC"},"lane":"track","retry":"repeatable","minted":["id"]}],"rests_on":{"person":"cio_a3000001","unsubscribed":false,"starts":[]},"once":true,"repeat":false,"typed":null,"due_at":null,"reads_back":null,"trace":{"person":"cio_a3000001","message":null,"recipient":null,"event":"declined","broadcast":null},"find_out":"No running campaign is known to start from it; recent_events with this change would tell."}','9c41bc4e0f03488f5f6243ed97f7fef7ae64c898fdba03bfd82506963c146554',0,1.79566862277279925348e+09,1.79567222277279925348e+09,NULL,1.79566862280084085464e+09,'person','a person said no in a shell',NULL,NULL,NULL,NULL,NULL,NULL,0);
INSERT INTO "changes" VALUES('old00007','sandbox','local:tester','send_event','bc46afb67076003515708b5cd9f2f0cef5a4e40f331d63e91f7e9e4ba380259e','2359be58318ac7da484fb12f8b483a3a6aa8a1fa1564cf03c6c2dd71ad4a540c',0,'unknown','send','Send event “left_open” for “ada”.','Send event “left_open” for “ada”.
- no event data

To whom: 1 person.
- “ada” (cio_a3000001), “ada@example.com”, “+447700900001”, subscribed

What it may start: no running campaign.

Change old00007. Nothing is done unless you approve; an approval counts once.','{"risk":"send","summary":"Send event “left_open” for “ada”.","contents":["no event data"],"edits":[],"affected":1,"recipients":["ada@example.com"],"test_profiles":[],"examples":["“ada” (cio_a3000001), “ada@example.com”, “+447700900001”, subscribed"],"starts":[],"why":"","warnings":[],"calls":[{"api":"track","method":"POST","route":"/api/v1/customers/{identifier}/events","path":{"identifier":"cio_a3000001"},"query":{},"body":{"name":"left_open","id":"01M8B31FETKSPBK4CHGYWK15RR"},"lane":"track","retry":"repeatable","minted":["id"]}],"rests_on":{"person":"cio_a3000001","unsubscribed":false,"starts":[]},"once":true,"repeat":false,"typed":null,"due_at":null,"reads_back":null,"trace":{"person":"cio_a3000001","message":null,"recipient":null,"event":"left_open","broadcast":null},"find_out":"No running campaign is known to start from it; recent_events with this change would tell."}','8623bfd41a0a87fa4e68214aff5ad9161d04fe608d3e600809fc39ff96ce2d40',0,1.79566862280375409127e+09,1.79567222280375409122e+09,NULL,1.79566862282088756559e+09,'person','on a terminal',1.79566862282605743412e+09,NULL,1.79566862282605743412e+09,'{"message": "A sentence."}','[]',NULL,0);
INSERT INTO "changes" VALUES('old00008','sandbox','local:tester','send_event','c89597eefdb1859e69b2962a3f8334f47979cab0dee83e55e6be99b017b3d098','152f2ef864478e89b95f3f9b124a972c83eff9155fb8d4de12003a45c26ace76',0,'failed','send','Send event “failed_once” for “ada”.','Send event “failed_once” for “ada”.
- no event data

To whom: 1 person.
- “ada” (cio_a3000001), “ada@example.com”, “+447700900001”, subscribed

What it may start: no running campaign.

Change old00008. Nothing is done unless you approve; an approval counts once.','{"risk":"send","summary":"Send event “failed_once” for “ada”.","contents":["no event data"],"edits":[],"affected":1,"recipients":["ada@example.com"],"test_profiles":[],"examples":["“ada” (cio_a3000001), “ada@example.com”, “+447700900001”, subscribed"],"starts":[],"why":"","warnings":[],"calls":[{"api":"track","method":"POST","route":"/api/v1/customers/{identifier}/events","path":{"identifier":"cio_a3000001"},"query":{},"body":{"name":"failed_once","id":"01M8B31FFQQCXWD89XM2H236H9"},"lane":"track","retry":"repeatable","minted":["id"]}],"rests_on":{"person":"cio_a3000001","unsubscribed":false,"starts":[]},"once":true,"repeat":false,"typed":null,"due_at":null,"reads_back":null,"trace":{"person":"cio_a3000001","message":null,"recipient":null,"event":"failed_once","broadcast":null},"find_out":"No running campaign is known to start from it; recent_events with this change would tell."}','869a661cd622a6ab1ff5ac080480b2684fc38e26644d9c78777231aeb49fcb7b',0,1.79566862283669257164e+09,1.79567222283669257164e+09,NULL,1.79566862284258794784e+09,'person','on a terminal',1.7956686228445634842e+09,NULL,1.7956686228445634842e+09,'{"message": "A sentence."}','[]',NULL,0);
INSERT INTO "changes" VALUES('old00009','sandbox','local:tester','send_event','2983dd27a1e0383a9fd9b59e0976305d67f471340e47f26358ffbabf1af209cc','b3bce5d97326085ba02be3d09066ba790142e5858c13a01372f76b23814bb2d6',0,'declined','send','Send event “reduced” for “ada”.','','{"risk": "send", "summary": "Send."}','8015e75d9791ee0c5786bb28b1be1c2fdf2f818edd75b3a3fd8de434f7e62628',0,1.79566862285317730904e+09,1.795672222853177309e+09,NULL,1.79566862285971975323e+09,'person','a person said no in a shell',NULL,NULL,NULL,NULL,NULL,NULL,0);
CREATE TABLE events (
	sequence INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	workspace VARCHAR NOT NULL, 
	event_id VARCHAR NOT NULL, 
	object_type VARCHAR NOT NULL, 
	metric VARCHAR NOT NULL, 
	at BIGINT NOT NULL, 
	received_at FLOAT NOT NULL, 
	delivery_id VARCHAR, 
	trigger_event_id VARCHAR, 
	cio_id VARCHAR, 
	person_id VARCHAR, 
	email VARCHAR, 
	kind VARCHAR, 
	parent_id VARCHAR, 
	data TEXT NOT NULL, 
	UNIQUE (workspace, event_id)
);
INSERT INTO "events" VALUES(1,'sandbox','E1','email','delivered',1795668000,1795668001.0,'M_RGqAshRs5PbX-v12hWrPpcpQ==',NULL,NULL,NULL,'ada@example.com',NULL,NULL,'{}');
INSERT INTO "events" VALUES(2,'sandbox','E2','email','sent',1795668000,1795668001.5,NULL,'01M8B31EA15GVGXG862B6JF9YH',NULL,NULL,NULL,NULL,NULL,'{}');
CREATE TABLE pauses (
	workspace VARCHAR NOT NULL, 
	at FLOAT NOT NULL, 
	"by" VARCHAR NOT NULL, 
	reason TEXT, 
	PRIMARY KEY (workspace)
);
INSERT INTO "pauses" VALUES('other',1795668003.0,'ada','a test');
CREATE TABLE rejections (
	workspace VARCHAR NOT NULL, 
	reason VARCHAR NOT NULL, 
	count INTEGER NOT NULL, 
	last_at FLOAT NOT NULL, 
	PRIMARY KEY (workspace, reason)
);
INSERT INTO "rejections" VALUES('sandbox','signature',3,1795668002.0);
CREATE INDEX changes_event ON changes (workspace, json_extract("plan", '$.calls[0].body.id'));
CREATE INDEX changes_bodies ON changes (planned_at) WHERE question != '';
CREATE INDEX changes_delivery ON changes (workspace, json_extract(outcome, '$.delivery_id'));
CREATE INDEX changes_unsettled ON changes (workspace, settle_at);
CREATE INDEX changes_recent ON changes (workspace, planned_at);
CREATE INDEX changes_open ON changes (workspace, principal, tool, arguments);
CREATE INDEX changes_effect ON changes (workspace, effect);
CREATE INDEX events_type_metric ON events (workspace, object_type, metric, at);
CREATE INDEX events_trigger_event_id ON events (workspace, trigger_event_id, at) WHERE trigger_event_id IS NOT NULL;
CREATE INDEX events_email ON events (workspace, email, at) WHERE email IS NOT NULL;
CREATE INDEX events_delivery_id ON events (workspace, delivery_id, at) WHERE delivery_id IS NOT NULL;
CREATE INDEX events_cio_id ON events (workspace, cio_id, at) WHERE cio_id IS NOT NULL;
CREATE INDEX events_person_id ON events (workspace, person_id, at) WHERE person_id IS NOT NULL;
CREATE INDEX events_parent ON events (workspace, kind, parent_id, at) WHERE parent_id IS NOT NULL;
CREATE INDEX events_type ON events (workspace, object_type, at);
CREATE INDEX events_recent ON events (workspace, at);
CREATE INDEX events_sequence ON events (workspace, sequence);
CREATE INDEX events_received ON events (workspace, received_at);
CREATE INDEX events_metric ON events (workspace, metric, at);
COMMIT;
