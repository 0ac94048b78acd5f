-- SPDX-License-Identifier: GPL-3.0-or-later
-- rpcgate.lua - show in Wireshark what rpcgate says of a packet, and colour what it refused
--
--	rpcgate analyze --json events.json trace.pcap
--	RPCGATE_EVENTS=events.json wireshark -X lua_script:rpcgate.lua trace.pcap
--
-- Events are found by the number of the packet, so the file must be the one that was analyzed;
-- where events are about several files, those of the file with the name in RPCGATE_CAPTURE count.
-- Filters: rpcgate.verdict == "deny", rpcgate.reason, rpcgate.rule, rpcgate.alert.

local gate = Proto("rpcgate", "rpcgate verdicts")
local fields = {
	verdict = ProtoField.string("rpcgate.verdict", "Verdict"),
	reason = ProtoField.string("rpcgate.reason", "Reason"),
	interface = ProtoField.string("rpcgate.interface", "Interface"),
	rule = ProtoField.string("rpcgate.rule", "Rule"),
	alert = ProtoField.string("rpcgate.alert", "Alert"),
}
gate.fields = { fields.verdict, fields.reason, fields.interface, fields.rule, fields.alert }
local refused = ProtoExpert.new("rpcgate.refused", "rpcgate refuses this", expert.group.SECURITY,
	expert.severity.WARN)
gate.experts = { refused }

-- What is said of each packet, in order
local said = {}

-- A text of our own JSON.  Quotes inside texts have a backslash, so none of them looks like a name;
-- escapes stay as they are: what strangers wrote is not fit for a screen.
local function text(line, name)
	return line:match('"' .. name .. '":"([^"]*)"')
end

local function take(line, capture)
	local frame = tonumber(line:match('"pcap_cnt":(%d+)'))
	local kind = text(line, "event_type")
	local body

	if not frame or (kind ~= "rpc_bind" and kind ~= "rpc_call" and kind ~= "alert") then
		return
	end
	if capture and (line:match('"pcap_filename":"(.-[^\\])"') or ""):match("[^/]*$") ~= capture then
		return
	end
	body = line:match('"' .. kind .. '":(.*)') or ""
	said[frame] = said[frame] or {}
	table.insert(said[frame], kind == "alert" and { alert = text(body, "signature") } or {
		verdict = text(body, "verdict"),
		reason = text(body, "reason"),
		interface = text(body, "name") or text(body, "uuid"),
		rule = text(body, "rule"),
	})
end

local function read(path)
	local file, why = io.open(path, "r")

	if not file then
		report_failure("rpcgate.lua: " .. why)
		return
	end
	for line in file:lines() do
		take(line, os.getenv("RPCGATE_CAPTURE"))
	end
	file:close()
end

function gate.dissector(buffer, packet, tree)
	for _, event in ipairs(said[packet.number] or {}) do
		local item = tree:add(gate, buffer())

		for name, field in pairs(fields) do
			if event[name] then
				item:add(field, event[name]):set_generated()
			end
		end
		if event.verdict == "deny" then
			item:add_proto_expert_info(refused, "rpcgate refuses this: " .. event.reason)
			packet.cols.info:append(" [rpcgate: " .. event.reason .. "]")
		end
	end
end

if os.getenv("RPCGATE_EVENTS") then
	read(os.getenv("RPCGATE_EVENTS"))
end
register_postdissector(gate)
if gui_enabled() then
	set_color_filter_slot(1, 'rpcgate.verdict == "deny"')
	set_color_filter_slot(5, 'rpcgate.verdict == "log" || rpcgate.alert')
	set_color_filter_slot(3, 'rpcgate.verdict == "allow"')
end
