-- SPDX-License-Identifier: GPL-3.0-or-later
-- Events as a table.  The other files of this directory ask it:
--
--	duckdb -cmd "SET VARIABLE events = '/var/log/rpcgate/*.json'" -init events.sql < refused.sql
CREATE OR REPLACE VIEW events AS
SELECT *, strptime(replace(timestamp, '+0000', ''), '%Y-%m-%dT%H:%M:%S.%f') AS moment
FROM read_json(getvariable('events'), format = 'newline_delimited', columns = {
	timestamp: 'VARCHAR', event_type: 'VARCHAR', flow_id: 'UBIGINT', parent_id: 'UBIGINT',
	src_ip: 'VARCHAR', src_port: 'INTEGER', dest_ip: 'VARCHAR', dest_port: 'INTEGER',
	proto: 'VARCHAR', community_id: 'VARCHAR', pcap_cnt: 'UBIGINT', pcap_filename: 'VARCHAR',
	rpc_binding: 'STRUCT(source VARCHAR, uuid VARCHAR, version VARCHAR, name VARCHAR,
		service VARCHAR, annotation VARCHAR, protseq VARCHAR, server_ip VARCHAR, port INTEGER,
		tower_ip VARCHAR, accepted BOOLEAN, reason VARCHAR)',
	rpc_pinhole: 'STRUCT(action VARCHAR, id UBIGINT, client_ip VARCHAR, server_ip VARCHAR,
		port INTEGER, uuid VARCHAR, version VARCHAR, name VARCHAR, service VARCHAR,
		source VARCHAR, ttl UBIGINT, uses UBIGINT, reason VARCHAR)',
	rpc_bind: 'STRUCT(pdu VARCHAR, uuid VARCHAR, version VARCHAR, name VARCHAR, service VARCHAR,
		auth_type INTEGER, auth_level INTEGER, verdict VARCHAR, action VARCHAR, reason VARCHAR,
		"rule" VARCHAR, rule_name VARCHAR, pinhole_id UBIGINT, age DOUBLE)',
	alert: 'STRUCT(action VARCHAR, signature_id INTEGER, signature VARCHAR, category VARCHAR,
		severity INTEGER, metadata STRUCT(rpc_reason VARCHAR[], mitre_technique_id VARCHAR[]))',
	flow: 'STRUCT(pkts_toserver UBIGINT, pkts_toclient UBIGINT, bytes_toserver UBIGINT,
		bytes_toclient UBIGINT, "start" VARCHAR, "end" VARCHAR, state VARCHAR, midstream BOOLEAN)'
});
