(function () {
	"use strict";
	var rows = Array.prototype.slice.call(document.querySelectorAll(".row"));
	var show = document.getElementById("show"), find = document.getElementById("find"), count = document.getElementById("count"), save = document.getElementById("export");
	var key = "tandem-labels-" + document.body.dataset.id;
	var labels = {};
	try { labels = JSON.parse(localStorage.getItem(key) || "{}") || {}; } catch (e) { labels = {}; }
	function idOf(cell) { return JSON.stringify([cell.closest(".row").dataset.row, cell.dataset.variant, cell.dataset.repeat]); }
	function labelled(row) { return Array.prototype.some.call(row.querySelectorAll(".cell"), function (c) { return labels[idOf(c)]; }); }
	function visible(row) {
		var how = show.value, text = find.value.trim().toLowerCase();
		if (how === "differs" && row.dataset.differs !== "true") return false;
		if (how === "unscored" && row.dataset.unscored !== "true") return false;
		if (how === "unlabelled" && labelled(row)) return false;
		if (how.indexOf("fails ") === 0 && row.dataset.fails.split(" ").indexOf(how.slice(6)) < 0) return false;
		return !text || row.textContent.toLowerCase().indexOf(text) >= 0;
	}
	function filter() {
		var n = 0;
		rows.forEach(function (row) { var is = visible(row); row.hidden = !is; if (is) n++; });
		count.textContent = n + " of " + rows.length + " rows";
	}
	function mark(cell) {
		Array.prototype.forEach.call(cell.querySelectorAll("button[data-label]"), function (b) {
			b.setAttribute("aria-pressed", String(labels[idOf(cell)] === b.dataset.label));
		});
	}
	function counted() {
		var n = Object.keys(labels).length;
		save.disabled = n === 0;
		save.textContent = n === 0 ? "Export labels" : "Export " + n + (n === 1 ? " label" : " labels");
	}
	document.addEventListener("click", function (event) {
		var button = event.target.closest("button[data-label]");
		if (!button) return;
		var cell = button.closest(".cell"), id = idOf(cell);
		if (labels[id] === button.dataset.label) delete labels[id]; else labels[id] = button.dataset.label;
		try { localStorage.setItem(key, JSON.stringify(labels)); } catch (e) { /* they stay until the page is closed */ }
		mark(cell);
		counted();
	});
	save.addEventListener("click", function () {
		var lines = Object.keys(labels).map(function (id) {
			var p = JSON.parse(id);
			return JSON.stringify({ row: Number(p[0]), variant: p[1], repeat: Number(p[2]), label: labels[id] });
		});
		var link = document.createElement("a"), url = URL.createObjectURL(new Blob([lines.join("\n") + "\n"], { type: "application/x-ndjson" }));
		link.href = url;
		link.download = "labels-" + document.body.dataset.id + ".jsonl";
		document.body.appendChild(link);
		link.click();
		link.remove();
		setTimeout(function () { URL.revokeObjectURL(url); }, 1000);
	});
	show.addEventListener("change", filter);
	find.addEventListener("input", filter);
	Array.prototype.forEach.call(document.querySelectorAll(".cell"), mark);
	counted();
})();
