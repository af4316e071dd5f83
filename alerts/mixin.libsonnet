// The files of this repository as a Prometheus mixin. Nothing is defined here; jsonnet 0.18 or newer (std.parseYaml).
//   (import 'calico-bgp-exporter/alerts/mixin.libsonnet') + { _config+:: { files+: ['calico-pod-paths'] } }
local rules = {
  'calico-bgp': importstr 'calico-bgp.rules.yaml',
  'calico-bgp-absent': importstr 'calico-bgp-absent.rules.yaml',
  'calico-bgp-maintenance': importstr 'calico-bgp-maintenance.rules.yaml',
  'calico-bgp-peering-only': importstr 'calico-bgp-peering-only.yaml',
  'calico-bgp-slo': importstr 'calico-bgp-slo.rules.yaml',
  'calico-pod-paths': importstr 'calico-pod-paths.rules.yaml',
};
{
  // Which files, by name; calico-bgp-peering-only is for use without calico-bgp.
  _config+:: { files: ['calico-bgp'] },

  local groups = std.flatMap(function(file) std.parseYaml(rules[file]).groups, $._config.files),
  // Records and alerts stay in their groups and in their order.
  prometheusAlerts+:: { groups+: groups },
  prometheusRules+:: { groups+: [] },
}
