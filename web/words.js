// The node's words in plain ones. What is not here is shown as it is: kinds,
// states and steps may be added by a newer node.

const kinds = {
  "server.create": "Register server", "server.delete": "Delete server", "server.undelete": "Bring server back",
  "server.receive": "Take in server",
  "server.power": "Power", "server.install": "Install", "server.reinstall": "Reinstall", "server.sync": "Take the Panel's settings",
  "server.transfer": "Send to another node", "server.release": "Give up a transfer",
  "backup.create": "Backup", "backup.restore": "Restore", "backup.undo_restore": "Undo of a restore", "backup.delete": "Delete backup",
  "backup.verify": "Verify backup", "backup.index": "Index backup", "backup.scan": "Look through backups", "backup.rotate": "Rotate backups",
  "backup.copy": "Copy backup", "backup.drop_copy": "Remove a copy of a backup", "store.clean": "Clear up in the object store", "store.scan": "Look through the object store", "backup.ask_panel": "Ask the Panel for its backups",
  "system.backup.receive": "Take in a system's backup", "system.backup.delete": "Delete a system's backup",
  "system.destroy": "Forget a system", "system.backup.sweep": "Clear up after uploads",
  "restore.remove_replaced": "Remove replaced files",
  "restore.settle": "Put in order after a restore", "undelete.settle": "Put back into the trash", "trash.purge": "Empty trash",
};
const states = {
  queued: "queued", running: "running", retry_wait: "waiting", cancelling: "cancelling", parked: "needs you",
  succeeded: "done", failed: "failed", cancelled: "cancelled",
};

export const kindName = (kind) => kinds[kind] ?? kind;
export const stateName = (state) => states[state] ?? state;
export const stepName = (name) => name.replaceAll("_", " ");
export const short = (id) => (id ? id.slice(0, 8) : "–");
