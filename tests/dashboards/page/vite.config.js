import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

export default defineConfig({
  plugins: [react()],
  define: { "process.env.NODE_ENV": '"production"' },
  build: {
    minify: false, // it is read once, from the disk
    chunkSizeWarningLimit: 1e5,
    rollupOptions: { shimMissingExports: true },
    commonjsOptions: { transformMixedEsModules: true },
  },
  resolve: {
    alias: { "react-router-dom-v5-compat": "react-router-dom" },
    dedupe: ["react", "react-dom", "rxjs", "@grafana/data", "@grafana/ui", "@grafana/runtime", "@emotion/css", "@emotion/react"],
  },
});
