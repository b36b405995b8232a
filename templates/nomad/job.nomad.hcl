# Written by homeport (`export nomad {{ target }}`) for {{ app }}, from its settings. Put your own in overrides/nomad/job.nomad.hcl.
{% from "nomad/parts.hcl" import task, volume, restarts with context %}
{% macro hosts(names) %}{% for one in names %}{{ " || " if not loop.first }}Host(`{{ one }}`){% endfor %}{% endmacro %}
#   nomad job run -var image={{ image }}:TAG {{ app }}.nomad.hcl
# Only the syntax of this job has been checked. The cluster's Traefik reads the tags: it needs its provider of Nomad's services, the
# entry points web and websecure, and a certificate resolver called acme.
variable "image" {
  type        = string
  description = "The image with its tag, or its digest: {{ image }}:TAG"
}

job {{ app | json }} {
  namespace = {{ namespace | json }}
  type      = "service"

{% block server %}
  group "server" {
    count = {{ replicas }}
    # A request that is on its way arrives before the server is told to end.
    shutdown_delay = "{{ pause_seconds }}s"

    # A new allocation comes first, and an old one goes when a new one is healthy; else the job goes back to what it was.
    update {
      max_parallel      = 1
{% if not recreates %}
      canary            = {{ replicas }}
      auto_promote      = true
{% endif %}
      auto_revert       = true
      health_check      = "checks"
      min_healthy_time  = "{{ watch_seconds }}s"
      healthy_deadline  = "{{ healthy_seconds }}s"
      progress_deadline = "{{ progress_seconds }}s"
    }
{{ restarts() }}

    network {
      port "http" {
        to = {{ port }}
      }
    }

    service {
      name     = {{ app | json }}
      port     = "http"
      provider = "nomad"
      tags = [
        "traefik.enable=true",
        "traefik.http.routers.{{ app }}.rule={{ hosts(served) }}",
        "traefik.http.routers.{{ app }}.entrypoints=websecure",
        "traefik.http.routers.{{ app }}.tls.certresolver=acme",
{% if hsts_seconds %}
        "traefik.http.routers.{{ app }}.middlewares={{ app }}-hsts",
        "traefik.http.middlewares.{{ app }}-hsts.headers.stsseconds={{ hsts_seconds }}",
        "traefik.http.middlewares.{{ app }}-hsts.headers.stsincludesubdomains={{ hsts_subdomains | json }}",
        "traefik.http.middlewares.{{ app }}-hsts.headers.stspreload={{ hsts_preload | json }}",
{% endif %}
{% if aliases %}
        "traefik.http.routers.{{ app }}-aliases.rule={{ hosts(aliases) }}",
        "traefik.http.routers.{{ app }}-aliases.entrypoints=websecure",
        "traefik.http.routers.{{ app }}-aliases.tls.certresolver=acme",
        "traefik.http.routers.{{ app }}-aliases.middlewares={{ app }}-domain",
        "traefik.http.middlewares.{{ app }}-domain.redirectregex.regex=^https?://[^/]+/(.*)",
        "traefik.http.middlewares.{{ app }}-domain.redirectregex.replacement=https://{{ domain }}/$${1}",
        "traefik.http.middlewares.{{ app }}-domain.redirectregex.permanent=true",
{% endif %}
        "traefik.http.routers.{{ app }}-http.rule={{ hosts(served + aliases | list) }}",
        "traefik.http.routers.{{ app }}-http.entrypoints=web",
        "traefik.http.routers.{{ app }}-http.middlewares={{ app }}-https",
        "traefik.http.middlewares.{{ app }}-https.redirectscheme.scheme=https",
        "traefik.http.middlewares.{{ app }}-https.redirectscheme.permanent=true",
      ]

      check {
        type     = "http"
        path     = {{ health.path | json }}
        interval = "{{ interval }}s"
        timeout  = "{{ answer }}s"

        header {
          Host              = [{{ domain | json }}]
          X-Forwarded-For   = ["127.0.0.1"]
          X-Forwarded-Proto = ["https"]
        }
      }
    }
{{ volume() }}
{% if migrates %}

{{ task("migrate", ["migrate"], stop_seconds) }}

      lifecycle {
        hook    = "prestart"
        sidecar = false
      }
    }
{% endif %}

{{ task("server", ["serve"], stop_seconds, ports=True) }}
    }
  }
{% endblock %}
{% for one in processes %}

  group {{ one.name | json }} {
    count = 1
{{ restarts() }}
{{ volume() }}

{{ task(one.name, ["process", one.name], one.stop_timeout_seconds) }}
    }
  }
{% endfor %}
}
